/* What actors.c and its parts share. */
#pragma once

#include <stdbool.h>

enum { kMaxActors = 16 };

/* A process that does something simple for the scheduler to deal with. */
struct actor {
    const char* name;
    int nice;
    int fifo;             /* priority; 0: fair */
    unsigned long cpus;   /* where it may run; 0: anywhere */
    int run_ms, sleep_ms; /* alternately; 0: never sleeps */
    int start_ms;         /* it sleeps for so long first */
    int until_ms;         /* it ends when it has run for so long; 0: never */
    bool forks;           /* after its first run_ms it makes a child, which goes on with the rest */
    int pid;
};

/* sched_setscheduler(2) to SCHED_FIFO for the caller, and no more for its children; musl's wrapper
 * refuses, since POSIX means processes. */
int become_fifo(int priority);

/* Says what is wrong and ends. */
_Noreturn void fail(const char* what);

/* An actor from NAME:key=value,key,...; changes `text`. */
struct actor parse_actor(char* text);

/* The life of an actor, in its own process; a byte from `gate` says "now". */
_Noreturn void act(const struct actor* actor, int gate);

/* Lets every processor's records and the formats of the events that are on appear on standard
 * output, in hexadecimal. */
void print_trace(void);

/* Writes a word into a file of tracefs. */
void set_trace(const char* file, const char* word);
