// The first program: sets the system up, then waits for children and signals for ever.
//
// Signals follow the convention of busybox's poweroff, halt and reboot: USR2 powers off, USR1
// halts, TERM reboots, INT (Ctrl-Alt-Del) reboots. They stay blocked and are fetched one at a time
// by sigtimedwait(), so no handler runs and nothing here can be interrupted half-way.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static char* const kAgent[] = {"/sbin/agent", NULL};
static char* const kShell[] = {"/bin/sh", NULL};

static struct service services[] = {
    {.name = "agent",
     .tty = "/dev/ttyS1",
     .argv = kAgent,
     .only_if = "/etc/agent.key",  // put there by the grader, which talks to it
     .raw = true,
     .tries = 3},
    {.name = "shell",
     .tty = "/dev/console",
     .argv = kShell,
     .dash = "-sh",
     .banner = "/etc/motd",
     .tell_end = true},
};
enum { kServices = sizeof services / sizeof services[0] };

// Descriptors 0 to 2 are the console, or /dev/null, so that no later open() becomes them.
static void open_console(void) {
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0) console = open("/dev/null", O_RDWR);
    if (console < 0) return;
    for (int i = 0; i <= 2; i++) {
        if (console != i) dup2(console, i);
    }
    if (console > 2) close(console);
}

// Whoever ended: a service that will be started again, or an orphan that only has to be reaped.
static void reap_children(void) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < kServices; i++) {
            if (services[i].pid == pid) service_ended(&services[i], status);
        }
    }
}

static void obey(int signal_number) {
    switch (signal_number) {
    case SIGUSR1: shut_down(RB_HALT_SYSTEM); break;
    case SIGUSR2: shut_down(RB_POWER_OFF); break;
    case SIGTERM:
    case SIGINT: shut_down(RB_AUTOBOOT); break;
    default: break;  // SIGCHLD: reaped by the loop
    }
}

static sigset_t block_signals(void) {
    static const int kSignals[] = {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    sigset_t set;
    sigemptyset(&set);
    for (unsigned i = 0; i < sizeof kSignals / sizeof kSignals[0]; i++) {
        sigaddset(&set, kSignals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    return set;
}

// How long the loop may sleep: until the next service that waits for its turn.
static struct timespec until_next_start(void) {
    long long wait_ms = 60000, now = now_ms();
    for (int i = 0; i < kServices; i++) {
        if (services[i].pid || services[i].missing) continue;
        long long left = services[i].start_after_ms - now;
        if (left < wait_ms) wait_ms = left > 0 ? left : 0;
    }
    return (struct timespec){.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
}

// The kernel hands over the words of its command line that it does not know.
static void tell_arguments(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        say("argument '%s' means nothing to me", argv[i]);
    }
}

int main(int argc, char** argv) {
    if (getpid() != 1) {
        fprintf(stderr, "init: I am the first program of the system; use poweroff or reboot\n");
        return 1;
    }
    umask(022);
    setsid();
    open_console();
    sigset_t signals = block_signals();
    mount_all();
    open_console();  // devtmpfs may have brought a better one
    set_host_name();
    setenv("PATH", "/sbin:/bin:/usr/sbin:/usr/bin", 0);
    setenv("HOME", "/root", 1);
    setenv("TERM", "vt100", 0);
    tell_arguments(argc, argv);
    for (;;) {
        reap_children();
        for (int i = 0; i < kServices; i++) {
            start_service(&services[i]);
        }
        struct timespec wait = until_next_start();
        int got = sigtimedwait(&signals, NULL, &wait);
        if (got > 0) obey(got);
        if (got < 0 && errno == ENOSYS) pause();
    }
}
