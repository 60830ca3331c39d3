// Starting a program on a terminal of its own, starting it again, and ending everything.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

enum {
    kShortLifeMs = 1000,  // a service that lives less than this is thought to be broken,
    kSlowDownMs = 2000,   // and is started again only after so long
    kGoodbyeMs = 1000,    // between TERM and KILL at shutdown
    kExecFailed = 127,
};

static void show(const char* path) {
    char buffer[512];
    ssize_t size;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    while ((size = read(file, buffer, sizeof buffer)) > 0) {
        if (write(1, buffer, size) != size) break;
    }
    close(file);
}

// The service's terminal. One for people becomes the controlling terminal, where keys make signals.
// A line to a program must never: it may bring ^C among its data before the service has made it
// raw.
static int open_terminal(const struct service* service) {
    int tty = open(service->tty, O_RDWR | O_NOCTTY);
    if (tty < 0) return tty;
    struct termios mode;
    if (!service->raw) {
        ioctl(tty, TIOCSCTTY, 1);  // refused by a terminal that is none: job control will say so
    } else if (tcgetattr(tty, &mode) == 0) {
        cfmakeraw(&mode);
        tcsetattr(tty, TCSANOW, &mode);
    }
    return tty;
}

// In the child: a session of its own on the service's terminal, all signals as they were before
// init, and the program.
_Noreturn static void become(const struct service* service) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int tty = open_terminal(service);
    if (tty < 0) _exit(kExecFailed);
    for (int i = 0; i <= 2; i++) {
        dup2(tty, i);
    }
    if (tty > 2) close(tty);
    tcsetpgrp(0, getpid());
    if (service->banner) show(service->banner);
    char* argv[8] = {NULL};
    for (int i = 0; i < 7 && service->argv[i]; i++) {
        argv[i] = service->argv[i];
    }
    if (service->dash) argv[0] = (char*)service->dash;
    execv(service->argv[0], argv);
    say("cannot run %s: %s", service->argv[0], strerror(errno));
    _exit(kExecFailed);
}

// The terminal must open, not only exist: the device may be there without a driver.
static bool parts_exist(struct service* service) {
    if (access(service->argv[0], X_OK) < 0) {
        say("no %s: %s: %s", service->name, service->argv[0], strerror(errno));
        return false;
    }
    int tty = open(service->tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0) {
        say("no %s: %s: %s", service->name, service->tty, strerror(errno));
        return false;
    }
    close(tty);
    return true;
}

void start_service(struct service* service) {
    if (service->pid || service->missing || now_ms() < service->start_after_ms) return;
    bool wanted = !service->only_if || access(service->only_if, F_OK) == 0;
    if (!wanted || !parts_exist(service)) {
        service->missing = true;
        return;
    }
    service->started_ms = now_ms();
    pid_t pid = fork();
    if (pid == 0) become(service);
    if (pid < 0) {
        say("cannot start the %s: %s", service->name, strerror(errno));
        service->start_after_ms = now_ms() + kSlowDownMs;
        return;
    }
    service->pid = pid;
}

void service_ended(struct service* service, int status) {
    service->pid = 0;
    bool short_life = now_ms() - service->started_ms < kShortLifeMs;
    service->start_after_ms = short_life ? now_ms() + kSlowDownMs : 0;
    service->short_lives = short_life ? service->short_lives + 1 : 0;
    service->missing = service->tries && service->short_lives >= service->tries;
    const char* next = service->missing ? "giving up" : "starting it again";
    if (WIFSIGNALED(status)) {
        say("the %s was killed by signal %d; %s", service->name, WTERMSIG(status), next);
    } else if (service->tell_end || WEXITSTATUS(status) || service->missing) {
        say("the %s ended with status %d; %s", service->name, WEXITSTATUS(status), next);
    }
}

// Everybody but init, if anybody is left. Waits until they are gone or the time is over.
static void end_processes(int signal_number) {
    if (kill(-1, signal_number) < 0) return;
    for (long long end = now_ms() + kGoodbyeMs; now_ms() < end; usleep(10000)) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        if (kill(-1, 0) < 0 && errno == ESRCH) return;
    }
}

void shut_down(int command) {
    say("%s", command == RB_AUTOBOOT ? "rebooting" : "the system goes down");
    end_processes(SIGTERM);
    end_processes(SIGKILL);
    sync();
    reboot(command);
    say("the kernel refused to end: %s", strerror(errno));
}
