/* The calls behind timer_create and relatives, for the programs that test them. */
#ifndef VITRINE_KERNEL_TIMERS_H
#define VITRINE_KERNEL_TIMERS_H

#include "tests/clock_util.h"

#define SIG (SIGRTMIN + 1)

/* The calls themselves: libc keeps its own notion of a timer_t. */
static inline long k_create(clockid_t clock, struct sigevent* event, int* id) {
    return syscall(SYS_timer_create, clock, event, id);
}
static inline long k_settime(int id, int flags, const struct itimerspec* spec,
                             struct itimerspec* old) {
    return syscall(SYS_timer_settime, id, flags, spec, old);
}
static inline long k_set(int id, int flags, long long value, long long interval) {
    struct itimerspec spec = timer_spec(value, interval);
    return k_settime(id, flags, &spec, NULL);
}
static inline long k_gettime(int id, struct itimerspec* spec) {
    return syscall(SYS_timer_gettime, id, spec);
}
static inline long k_overrun(int id) { return syscall(SYS_timer_getoverrun, id); }
static inline long k_delete(int id) { return syscall(SYS_timer_delete, id); }

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id __sev_fields.sigev_notify_thread_id
#endif
static inline struct sigevent event_of(int notify, int signal, int value) {
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = notify;
    event.sigev_signo = signal;
    event.sigev_value.sival_int = value;
    return event;
}
/* A timer that sends SIG, blocked. */
static inline int new_timer(clockid_t clock, int value) {
    struct sigevent event = event_of(SIGEV_SIGNAL, SIG, value);
    int id = -1;
    block(SIG);
    NEED(k_create(clock, &event, &id) == 0);
    return id;
}

#endif
