/// Programs that the grader runs. See jobs.h and grader/PROTOCOL.md 5.
///
/// Output goes through rings in .bss; input is fed from a copy, so that a program never waits
/// in guest time for the host. SIGCHLD writes to a pipe (no ppoll or signalfd needed).
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kOutSize = 65536, kErrSize = 16384, kMaxStrings = 256 };

/// Output of one pipe: bytes [taken, taken + held) modulo size.
typedef struct {
    int fd;  // -1: closed
    uint8_t* bytes;
    size_t size, taken, held;
    uint64_t total;
    int truncated;
} Ring;

typedef struct {
    int used, exited, ended, killed_by_limit, back_pressure, status;  // ended: and drained
    pid_t pid;
    uint64_t start_ns, end_ns, limit_ns, user_ns, system_ns;
    int input_fd;
    size_t input_sent, input_length;
    Ring out, err;
} Job;

static Job jobs[kJobs];
static uint8_t input_bytes[kJobs][kStageSize];
static uint8_t out_bytes[kJobs][kOutSize];
static uint8_t err_bytes[kJobs][kErrSize];
static int child_pipe[2] = {-1, -1};

uint64_t monotonic_ns(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void on_child(int signal_number) {
    (void)signal_number;
    const int saved = errno;
    if (write(child_pipe[1], "", 1) < 0) errno = saved;  // a full pipe is notice enough
    errno = saved;
}

static void close_fd(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

int jobs_init(void) {
    if (pipe(child_pipe) != 0) return -1;
    for (int i = 0; i < 2; i++) {
        set_nonblocking(child_pipe[i]);
        fcntl(child_pipe[i], F_SETFD, FD_CLOEXEC);
    }
    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return child_pipe[0];
}

/// Points argv and environ at the strings; EINVAL when text and counts do not match.
static int split_strings(const JobSpec* spec, char** argv, char** envp) {
    if (spec->argc == 0 || spec->argc >= kMaxStrings || spec->envc >= kMaxStrings) return EINVAL;
    const char* at = spec->text;
    const char* end = spec->text + spec->text_length;
    for (unsigned i = 0; i < (unsigned)spec->argc + spec->envc; i++) {
        const char* nul = memchr(at, 0, (size_t)(end - at));
        if (nul == NULL) return EINVAL;
        if (i < spec->argc) {
            argv[i] = (char*)at;
        } else {
            envp[i - spec->argc] = (char*)at;
        }
        at = nul + 1;
    }
    return at == end ? 0 : EINVAL;
}

typedef struct {
    int in[2], out[2], err[2], report[2];
} Pipes;

/// In the child: standard files, own process group, default signals, exec. Never returns; a
/// failed exec writes its errno to `report`, which exec would have closed.
static void become_program(const Pipes* pipes, char** argv, char** envp) {
    const int standard[3] = {pipes->in[0], pipes->out[1], pipes->err[1]};
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    for (int i = 0; i < 3; i++) {
        if (dup2(standard[i], i) < 0) _exit(126);
    }
    execve(argv[0], argv, envp);
    const int why = errno;
    if (write(pipes->report[1], &why, sizeof why) < 0) _exit(126);
    _exit(127);
}

static void close_pipes(Pipes* pipes) {
    int* all = (int*)pipes;
    for (int i = 0; i < 8; i++) close_fd(&all[i]);
}

/// All eight ends close-on-exec and above 2, so that dup2 onto 0-2 cannot clobber one.
static int open_pipes(Pipes* pipes) {
    int* all = (int*)pipes;
    memset(pipes, -1, sizeof *pipes);
    for (int i = 0; i < 8; i += 2) {
        int ends[2];
        if (pipe(ends) != 0) return errno;
        for (int end = 0; end < 2; end++) {
            all[i + end] = fcntl(ends[end], F_DUPFD_CLOEXEC, 3);
            close(ends[end]);
            if (all[i + end] < 0) return errno;
        }
    }
    return 0;
}

static void ring_open(Ring* ring, int* fd, uint8_t* bytes, size_t size) {
    *ring = (Ring){.fd = *fd, .bytes = bytes, .size = size};
    set_nonblocking(ring->fd);
    *fd = -1;
}

/// Takes over the parent's ends of the pipes.
static void adopt(int slot, const JobSpec* spec, pid_t pid, Pipes* pipes) {
    Job* job = &jobs[slot];
    *job = (Job){.used = 1,
                 .pid = pid,
                 .start_ns = monotonic_ns(),
                 .limit_ns = spec->limit_ns,
                 .back_pressure = spec->flags & kJobBackPressure,
                 .input_fd = pipes->in[1],
                 .input_length = spec->input_length};
    pipes->in[1] = -1;
    set_nonblocking(job->input_fd);
    memcpy(input_bytes[slot], spec->input, spec->input_length);
    ring_open(&job->out, &pipes->out[0], out_bytes[slot], kOutSize);
    ring_open(&job->err, &pipes->err[0], err_bytes[slot], kErrSize);
    if (job->input_length == 0) close_fd(&job->input_fd);
}

static int spawn(int slot, const JobSpec* spec, Pipes* pipes, char** argv, char** envp) {
    const pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) become_program(pipes, argv, envp);
    setpgid(child, child);
    close_fd(&pipes->report[1]);

    int why = 0;
    ssize_t got;
    while ((got = read(pipes->report[0], &why, sizeof why)) < 0 && errno == EINTR) {
    }
    if (got == (ssize_t)sizeof why) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
        return why;
    }
    adopt(slot, spec, child, pipes);
    return 0;
}

int jobs_start(const JobSpec* spec, int* slot, int* pid) {
    static char* argv[kMaxStrings];
    static char* envp[kMaxStrings];
    memset(argv, 0, sizeof argv);
    memset(envp, 0, sizeof envp);
    int error = split_strings(spec, argv, envp);
    if (error != 0) return error;
    *slot = 0;
    while (*slot < kJobs && jobs[*slot].used) (*slot)++;
    if (*slot == kJobs) return EAGAIN;

    Pipes pipes;
    error = open_pipes(&pipes);
    if (error == 0) error = spawn(*slot, spec, &pipes, argv, envp);
    close_pipes(&pipes);
    if (error == 0) *pid = jobs[*slot].pid;
    return error;
}

static void watch(struct pollfd* polls, int* count, int fd, short events) {
    if (fd >= 0) polls[(*count)++] = (struct pollfd){.fd = fd, .events = events};
}

static void watch_ring(struct pollfd* polls, int* count, const Job* job, const Ring* ring) {
    if (job->back_pressure && ring->held == ring->size) return;
    watch(polls, count, ring->fd, POLLIN);
}

int jobs_poll_set(struct pollfd* polls, int64_t* timeout_ns) {
    int count = 0;
    for (int i = 0; i < kJobs; i++) {
        const Job* job = &jobs[i];
        if (!job->used || job->exited) continue;
        watch(polls, &count, job->input_fd, POLLOUT);
        watch_ring(polls, &count, job, &job->out);
        watch_ring(polls, &count, job, &job->err);
        if (job->limit_ns == 0 || job->killed_by_limit) continue;
        int64_t left = (int64_t)(job->start_ns + job->limit_ns - monotonic_ns());
        if (left < 0) left = 0;
        if (*timeout_ns < 0 || left < *timeout_ns) *timeout_ns = left;
    }
    return count;
}

static void ring_store(Ring* ring, const uint8_t* data, size_t length) {
    ring->total += length;
    for (size_t i = 0; i < length; i++) {
        if (ring->held == ring->size) {
            ring->truncated = 1;
            return;
        }
        ring->bytes[(ring->taken + ring->held++) % ring->size] = data[i];
    }
}

/// Reads what is there, at most `rounds` buffers, so that one babbler cannot starve the rest.
static void ring_fill(Ring* ring, int back_pressure, int rounds) {
    uint8_t buffer[1024];
    while (ring->fd >= 0 && rounds-- > 0) {
        size_t room = sizeof buffer;
        if (back_pressure && ring->size - ring->held < room) room = ring->size - ring->held;
        if (room == 0) return;
        const ssize_t got = read(ring->fd, buffer, room);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            close_fd(&ring->fd);
            return;
        }
        ring_store(ring, buffer, (size_t)got);
    }
}

static void ring_take(Ring* ring, uint8_t* to, size_t length) {
    for (size_t i = 0; i < length; i++) to[i] = ring->bytes[(ring->taken + i) % ring->size];
    ring->taken = (ring->taken + length) % ring->size;
    ring->held -= length;
}

static void feed_input(int slot, Job* job) {
    if (job->input_fd < 0) return;
    const size_t left = job->input_length - job->input_sent;
    const ssize_t put = write(job->input_fd, input_bytes[slot] + job->input_sent, left);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (put > 0) job->input_sent += (size_t)put;
    if (put < 0 || job->input_sent == job->input_length) close_fd(&job->input_fd);
}

static uint64_t timeval_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

/// The program ended: what its pipes still hold belongs to it, later writers are not waited for.
/// Under back pressure this may need several turns, as the grader makes room.
static void drain(Job* job) {
    ring_fill(&job->out, job->back_pressure, 256);
    ring_fill(&job->err, job->back_pressure, 256);
    const int full = job->out.held == job->out.size || job->err.held == job->err.size;
    if (job->back_pressure && full) return;
    close_fd(&job->input_fd);
    close_fd(&job->out.fd);
    close_fd(&job->err.fd);
    job->ended = 1;
}

static void reap(void) {
    char noise[64];
    while (read(child_pipe[0], noise, sizeof noise) > 0) {
    }
    for (int i = 0; i < kJobs; i++) {
        int status;
        struct rusage usage = {0};
        Job* job = &jobs[i];
        if (!job->used || job->exited) continue;
        if (wait4(job->pid, &status, WNOHANG, &usage) != job->pid) continue;
        job->exited = 1;
        job->status = status;
        job->user_ns = timeval_ns(usage.ru_utime);
        job->system_ns = timeval_ns(usage.ru_stime);
        job->end_ns = monotonic_ns();
    }
}

static void enforce_limit(Job* job) {
    if (job->limit_ns == 0 || job->killed_by_limit) return;
    if (monotonic_ns() - job->start_ns < job->limit_ns) return;
    job->killed_by_limit = 1;
    kill(-job->pid, SIGKILL);
    kill(job->pid, SIGKILL);
}

void jobs_turn(void) {
    reap();
    for (int i = 0; i < kJobs; i++) {
        Job* job = &jobs[i];
        if (!job->used || job->ended) continue;
        if (job->exited) {
            drain(job);
            continue;
        }
        feed_input(i, job);
        ring_fill(&job->out, job->back_pressure, 16);
        ring_fill(&job->err, job->back_pressure, 16);
        enforce_limit(job);
    }
}

int jobs_ready(unsigned slot) {
    if (slot >= kJobs || !jobs[slot].used) return 1;
    const Job* job = &jobs[slot];
    return job->ended || job->out.held > 0 || job->err.held > 0;
}

int jobs_report(unsigned slot, uint16_t max, Writer* out) {
    if (slot >= kJobs || !jobs[slot].used) return ESRCH;
    Job* job = &jobs[slot];
    enum { kFixed = 1 + 4 + 6 * 8 + 2 * 2 };
    const size_t room = out->capacity - out->length - kFixed;
    const size_t most = max < room ? max : room;
    const size_t from_out = job->out.held < most ? job->out.held : most;
    const size_t from_err = job->err.held < most - from_out ? job->err.held : most - from_out;
    const int done = job->ended && from_out == job->out.held && from_err == job->err.held;

    put_number(out,
               (uint64_t)(job->ended | job->killed_by_limit << 1 | job->out.truncated << 2 |
                          job->err.truncated << 3 | done << 4),
               1);
    put_number(out, (uint32_t)job->status, 4);
    put_number(out, job->out.total, 8);
    put_number(out, job->err.total, 8);
    put_number(out, job->start_ns, 8);
    put_number(out, job->exited ? job->end_ns : monotonic_ns(), 8);
    put_number(out, job->user_ns, 8);
    put_number(out, job->system_ns, 8);
    put_number(out, from_out, 2);
    put_number(out, from_err, 2);
    ring_take(&job->out, out->bytes + out->length, from_out);
    ring_take(&job->err, out->bytes + out->length + from_out, from_err);
    out->length += from_out + from_err;
    if (done) job->used = 0;
    return 0;
}

int jobs_kill(unsigned slot, int signal_number) {
    if (slot >= kJobs || !jobs[slot].used || jobs[slot].exited) return ESRCH;
    return kill(-jobs[slot].pid, signal_number) == 0 ? 0 : errno;
}

void jobs_forget_all(void) {
    for (int i = 0; i < kJobs; i++) {
        Job* job = &jobs[i];
        if (!job->used) continue;
        if (!job->exited) {
            kill(-job->pid, SIGKILL);
            while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
        job->back_pressure = 0;
        drain(job);
        job->used = 0;
    }
}
