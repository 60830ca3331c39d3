/* What a step's process may use: calls that may lack memory, and its end. */
#include "scarce/scarce.h"

#include "scarce/outcome.h"

static int nth_file = -1;
static int any_may_fail; /* by chance: nobody knows which one did */

int fail_nth_file(void) { return nth_file; }
void use_fail_nth_file(int file) { nth_file = file; }

void expect_chance(void) { any_may_fail = 1; }

void arm(long nth) {
    nth_file = open("/proc/self/fail-nth", O_RDWR);
    char text[24];
    const int length = snprintf(text, sizeof text, "%ld", nth);
    if (nth_file < 0 || pread(nth_file, text + length, 1, 0) != 1 ||
        write(nth_file, text, (size_t)length) != length) {
        _exit(kUnarmed);
    }
}

/* Reading may itself meet the failure, which then did not happen in the step. */
static enum outcome outcome_now(void) {
    char text[24] = "";
    if (nth_file < 0) return kNothingFailed;
    const ssize_t length = pread(nth_file, text, sizeof text - 1, 0);
    return length > 0 && atol(text) == 0 ? kSomethingFailed : kNothingFailed;
}

void end_step(void) { _exit(outcome_now()); }

static _Noreturn void complain(const char* file, int line, const char* what, const char* how) {
    const int error = errno;
    printf("scarce: wrong: %s:%d: %s: %s (%s)\n", file, line, what, how, strerror(error));
    fflush(stdout);
    _exit(kWrong);
}

static void give_up(const char* file, int line, const char* what) {
    const int error = errno;
    const bool excused = error == ENOMEM || error == EAGAIN || error == ENOSYS;
    if (!excused) complain(file, line, what, "an errno that tells another story");
    const enum outcome outcome = any_may_fail ? kSomethingFailed : outcome_now();
    errno = error;
    if (outcome == kNothingFailed && error != ENOSYS) {
        complain(file, line, what, "failed though nothing was made to fail");
    }
    _exit(outcome);
}

long tried(long result, const char* file, int line, const char* what) {
    if (result == -1) give_up(file, line, what);
    return result;
}

void tried_error(int error, const char* file, int line, const char* what) {
    errno = error;
    if (error != 0) give_up(file, line, what);
}

void* mapped(void* result) { return result == MAP_FAILED ? NULL : result; }

void* tried_pointer(void* pointer, const char* file, int line, const char* what) {
    if (!pointer) give_up(file, line, what);
    return pointer;
}
