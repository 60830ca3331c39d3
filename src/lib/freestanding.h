// Forced into every kernel file (-include). Without it <atomic> drags in the waiting half of C++20
// atomics, and with it pthread.h, unistd.h and macros named EINTR. See STYLE of the project, 7.2;
// `make check` proves that no libc header gets in.
#pragma GCC system_header
#include <bits/c++config.h>
#undef _GLIBCXX_HAS_GTHREADS
#undef _GLIBCXX_HAVE_LINUX_FUTEX
