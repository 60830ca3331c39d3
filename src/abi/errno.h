/// Error numbers as user space sees them: the values of Linux x86-64
/// (include/uapi/asm-generic/errno-base.h and errno.h there).
///
/// The kernel passes them around as `Errno` inside a Result<T>; the system-call door turns them
/// into the negative register value that libc expects.
#pragma once

enum class Errno : int {
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    E2BIG = 7,
    ENOEXEC = 8,
    EBADF = 9,
    ECHILD = 10,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    ENOTBLK = 15,
    EBUSY = 16,
    EEXIST = 17,
    EXDEV = 18,
    ENODEV = 19,
    ENOTDIR = 20,
    EISDIR = 21,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ENOTTY = 25,
    ETXTBSY = 26,
    EFBIG = 27,
    ENOSPC = 28,
    ESPIPE = 29,
    EROFS = 30,
    EMLINK = 31,
    EPIPE = 32,
    EDOM = 33,
    ERANGE = 34,
    EDEADLK = 35,
    ENAMETOOLONG = 36,
    ENOLCK = 37,
    ENOSYS = 38,
    ENOTEMPTY = 39,
    ELOOP = 40,
    ENODATA = 61,
    ETIME = 62,
    EPROTO = 71,
    EBADMSG = 74,
    EOVERFLOW = 75,
    ELIBBAD = 80,
    EILSEQ = 84,
    EUSERS = 87,
    EOPNOTSUPP = 95,
    EADDRINUSE = 98,
    ENOBUFS = 105,
    ETIMEDOUT = 110,
    EALREADY = 114,
    EINPROGRESS = 115,
    ESTALE = 116,
    EUCLEAN = 117,  // a damaged structure on disk
    ECANCELED = 125,

    // Kernel-internal, never seen by a program: how an interrupted system call is to be
    // restarted once the signal is handled (values as in Linux' include/linux/errno.h).
    ERESTARTSYS = 512,           // restart if the handler has SA_RESTART, else EINTR
    ERESTARTNOINTR = 513,        // always restart
    ERESTARTNOHAND = 514,        // restart only if no handler ran, else EINTR
    ERESTART_RESTARTBLOCK = 516  // restart through restart_syscall(2)
};

using enum Errno;
