/// /sbin/init: what the parts of our first program share.
///
/// init mounts the pseudo file systems, keeps the agent and a shell running, reaps orphans, and
/// ends the machine when a signal asks for it. Every piece may be missing: no serial port, no
/// agent, no shell, no procfs. Each is told in one line and never stops the rest.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// A program that is started again whenever it ends.
struct service {
    const char* name;          // for messages
    const char* tty;           // its terminal, opened as descriptors 0 to 2
    char* const* argv;         // argv[0] is the path
    const char* dash;          // argv[0] as the program sees it ("-sh": a login shell), or NULL
    const char* banner;        // a file shown before each start, or NULL
    const char* only_if;       // a file without which nobody wants the service, or NULL
    bool raw;                  // its terminal is a line to a program: no keys that kill, no echo
    int tries;                 // so many short lives in a row, and it is given up; 0: never
    bool tell_end;             // say so on the terminal when it ends
    bool missing;              // given up: its parts do not exist, or it never lives long
    int short_lives;           // in a row
    pid_t pid;                 // 0: not running
    long long started_ms;      // when it was last started (CLOCK_MONOTONIC)
    long long start_after_ms;  // not before this moment: what ends at once is slowed down
};

/// Says one line on the console: "init: ...".
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// Mounts /proc, /sys, /dev, /tmp and what hangs below them, unless they are mounted already.
void mount_all(void);

/// Sets the host name from /etc/hostname ("vitrine" when there is none).
void set_host_name(void);

/// Milliseconds of CLOCK_MONOTONIC.
long long now_ms(void);

/// Starts `service` if it is due. Gives it up with one line when its parts do not exist.
void start_service(struct service* service);

/// Notes that the service's process ended with `status` and when it may start again.
void service_ended(struct service* service, int status);

/// Ends the machine in good order: TERM and KILL to everybody, file systems written, and then
/// reboot(2) with `command`. Returns only when the kernel refuses.
void shut_down(int command);
