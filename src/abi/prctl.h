/// prctl(2), arch_prctl(2), personality(2), reboot(2) and capabilities: numbers.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr int PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3;
inline constexpr int PR_SET_DUMPABLE = 4, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8;
inline constexpr int PR_SET_NAME = 15, PR_GET_NAME = 16, PR_CAPBSET_READ = 23;
inline constexpr int PR_CAPBSET_DROP = 24, PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30;
inline constexpr int PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37;
inline constexpr int PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39;
inline constexpr int PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28, PR_SET_MM = 35;
inline constexpr int PR_GET_TID_ADDRESS = 40, PR_CAP_AMBIENT = 47;
inline constexpr u64 PR_CAP_AMBIENT_IS_SET = 1, PR_CAP_AMBIENT_RAISE = 2;
inline constexpr u64 PR_CAP_AMBIENT_LOWER = 3, PR_CAP_AMBIENT_CLEAR_ALL = 4;

inline constexpr int ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002;
inline constexpr int ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004;
inline constexpr int ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID = 0x1012;
inline constexpr int ARCH_GET_XCOMP_SUPP = 0x1021, ARCH_GET_XCOMP_PERM = 0x1022;
inline constexpr int ARCH_REQ_XCOMP_PERM = 0x1023;
inline constexpr u64 kXfeatures = 19;  // state components that have a number

inline constexpr u32 ADDR_NO_RANDOMIZE = 0x0004'0000, MMAP_PAGE_ZERO = 0x0010'0000;
inline constexpr u32 ADDR_COMPAT_LAYOUT = 0x0020'0000, READ_IMPLIES_EXEC = 0x0040'0000;

// Bits of PR_SET_SECUREBITS; the bit above each locks it.
inline constexpr u32 SECBIT_NOROOT = 1 << 0, SECBIT_NO_SETUID_FIXUP = 1 << 2;
inline constexpr u32 SECBIT_KEEP_CAPS = 1 << 4, SECBIT_NO_CAP_AMBIENT_RAISE = 1 << 6;
inline constexpr u32 kSecureAllBits = 0x55, kSecureAllLocks = kSecureAllBits << 1;
inline constexpr u32 SECBIT_KEEP_CAPS_LOCKED = SECBIT_KEEP_CAPS << 1;

inline constexpr u32 kRebootMagic1 = 0xfee1'dead;
inline constexpr u32 kRebootMagic2[] = {0x2812'1969, 0x0512'1996, 0x1604'1998, 0x2011'2000};
inline constexpr u32 kRebootRestart = 0x0123'4567, kRebootHalt = 0xcdef'0123;
inline constexpr u32 kRebootPowerOff = 0x4321'fedc, kRebootRestart2 = 0xa1b2'c3d4;
inline constexpr u32 kRebootCadOn = 0x89ab'cdef, kRebootCadOff = 0;

inline constexpr unsigned CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2;
inline constexpr unsigned CAP_FOWNER = 3, CAP_FSETID = 4, CAP_KILL = 5, CAP_SETGID = 6;
inline constexpr unsigned CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_LINUX_IMMUTABLE = 9;
inline constexpr unsigned CAP_IPC_LOCK = 14, CAP_SYS_RAWIO = 17, CAP_SYS_CHROOT = 18;
inline constexpr unsigned CAP_SYS_PTRACE = 19, CAP_MAC_OVERRIDE = 32, CAP_CHECKPOINT_RESTORE = 40;
inline constexpr unsigned CAP_SYS_ADMIN = 21, CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23;
inline constexpr unsigned CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25, CAP_MKNOD = 27, CAP_SYSLOG = 34;
inline constexpr unsigned CAP_WAKE_ALARM = 35;
inline constexpr unsigned kCapLast = CAP_CHECKPOINT_RESTORE;

inline constexpr u32 kCapVersion1 = 0x1998'0330, kCapVersion2 = 0x2007'1026;
inline constexpr u32 kCapVersion3 = 0x2008'0522;

struct CapHeader {
    u32 version;
    i32 pid;
};
struct CapData {
    u32 effective, permitted, inheritable;
};

inline constexpr u32 GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4;

}  // namespace abi
