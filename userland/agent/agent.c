/// /sbin/agent: the grader's hand in the guest (grader/PROTOCOL.md).
///
/// One thread, one poll loop: frames come in on the line (COM2), each is executed at most once
/// and answered. JOB may have to wait; then the answer is open (`waiting`) and the loop goes on.
/// The agent reports what it saw and judges nothing.
///
/// Usage: agent [-d device] [-k keyfile]. Ends with 2 when there is no key: nobody grades.
#define _GNU_SOURCE  // cfsetspeed, cfmakeraw
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include "files.h"
#include "frame.h"
#include "jobs.h"

/// The line, the session, and the one request in hand. The stage and result areas outlive a
/// request on purpose: STAGE fills the one, FETCH reads the other.
static struct {
    int line, child_notice;
    uint8_t key[kKeySize];
    FrameReader reader;
    uint32_t session, last_sequence;
    uint64_t hello_nonce;
    Frame answer;  // to the request last_sequence, once `waiting` is over
    int waiting;   // a JOB request is open
    uint8_t waiting_job;
    uint16_t waiting_max;
    uint64_t waiting_until;
    int quit;
} agent;

static uint8_t stage[kStageSize];
static uint8_t result[kResultSize];
static size_t result_length;

static void send_bytes(const uint8_t* bytes, size_t length) {
    while (length > 0) {
        const ssize_t put = write(agent.line, bytes, length);
        if (put < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = agent.line, .events = POLLOUT}, 1, -1);
        } else if (put < 0 && errno != EINTR) {
            agent.quit = 1;  // the line is gone
            return;
        } else if (put > 0) {
            bytes += put;
            length -= (size_t)put;
        }
    }
}

static void send_frame(const Frame* frame) {
    uint8_t wire[kMaxWire + 2];
    send_bytes(wire, frame_write(frame, agent.key, wire));
}

static void send_notice(uint8_t type, uint32_t session, uint32_t sequence) {
    static Frame notice;
    notice.type = type;
    notice.session = session;
    notice.sequence = sequence;
    notice.length = 0;
    send_frame(&notice);
}

/// Completes the answer with the errno in front (the data is already behind it) and sends it.
static void send_answer(int error, const Writer* out) {
    if (error == 0 && out->bad) error = EMSGSIZE;
    Writer head = {.bytes = agent.answer.payload, .capacity = 4};
    put_number(&head, (uint32_t)error, 4);
    agent.answer.length = (uint16_t)(error == 0 ? out->length : 4);
    send_frame(&agent.answer);
}

static Writer answer_writer(void) {
    return (Writer){.bytes = agent.answer.payload, .length = 4, .capacity = kMaxPayload};
}

// The requests. Each reads its arguments, does the work, writes its data; 0 or an errno.

static int do_stage(Reader* in, Writer* out) {
    const size_t offset = get_number(in, 4);
    if (in->bad || offset > kStageSize || in->left > kStageSize - offset) return EINVAL;
    memcpy(stage + offset, in->at, in->left);
    put_number(out, offset + in->left, 4);
    return 0;
}

static int do_fetch(Reader* in, Writer* out) {
    const size_t offset = get_number(in, 4), length = get_number(in, 2);
    if (in->bad || offset > result_length || length > result_length - offset) return EINVAL;
    put_bytes(out, result + offset, length);
    return 0;
}

/// The answer to READ, PROBE and LIST: how much there is, and the beginning of it.
static int give_result(int error, Writer* out) {
    if (error != 0) {
        result_length = 0;
        return error;
    }
    put_number(out, result_length, 4);
    const size_t room = out->capacity - out->length;
    put_bytes(out, result, result_length < room ? result_length : room);
    return 0;
}

static int do_exec(Reader* in, Writer* out) {
    JobSpec spec = {.flags = (uint16_t)get_number(in, 2), .limit_ns = get_number(in, 8)};
    spec.argc = (uint16_t)get_number(in, 2);
    spec.envc = (uint16_t)get_number(in, 2);
    spec.text_length = (uint32_t)get_number(in, 4);
    spec.input_length = (uint32_t)get_number(in, 4);
    if (in->bad || (uint64_t)spec.text_length + spec.input_length > kStageSize) return EINVAL;
    spec.text = (const char*)stage;
    spec.input = stage + spec.text_length;
    int slot = 0, pid = 0;
    const int error = jobs_start(&spec, &slot, &pid);
    put_number(out, (unsigned)slot, 1);
    put_number(out, (unsigned)pid, 4);
    return error;
}

static int do_kill(Reader* in) {
    const unsigned slot = (unsigned)get_number(in, 1);
    const int signal_number = (int)get_number(in, 1);
    return in->bad ? EINVAL : jobs_kill(slot, signal_number);
}

static int do_read(Reader* in, Writer* out) {
    char path[512];
    const uint64_t offset = get_number(in, 8);
    const uint32_t length = (uint32_t)get_number(in, 4);
    get_string(in, path, sizeof path);
    if (in->bad) return EINVAL;
    return give_result(file_read(path, offset, length, result, &result_length), out);
}

static int do_write(Reader* in, Writer* out) {
    WriteSpec spec = {.offset = get_number(in, 8), .length = (uint32_t)get_number(in, 4)};
    spec.flags = (uint8_t)get_number(in, 1);
    spec.mode = (uint16_t)get_number(in, 2);
    get_string(in, spec.path, sizeof spec.path);
    if (in->bad || spec.length > kStageSize) return EINVAL;
    uint32_t written = 0;
    const int error = file_write(&spec, stage, &written);
    put_number(out, written, 4);
    return error;
}

static int do_probe(Reader* in, Writer* out) {
    char path[512];
    const uint32_t length = (uint32_t)get_number(in, 4);
    const uint32_t max = (uint32_t)get_number(in, 4);
    get_string(in, path, sizeof path);
    if (in->bad || length > kStageSize) return EINVAL;
    result_length = max < kResultSize ? max : kResultSize;
    return give_result(file_probe(path, stage, length, result, &result_length), out);
}

static int do_list(Reader* in, Writer* out) {
    char path[512];
    get_string(in, path, sizeof path);
    if (in->bad) return EINVAL;
    return give_result(dir_list(path, result, &result_length), out);
}

static int do_stat(Reader* in, Writer* out) {
    char path[512];
    const int follow = (int)get_number(in, 1);
    get_string(in, path, sizeof path);
    return in->bad ? EINVAL : file_stat(path, follow, out);
}

/// Answers first, waits until the line has drained, then stops the machine.
static void do_shutdown(Reader* in) {
    static const int kHow[] = {RB_POWER_OFF, RB_AUTOBOOT, RB_HALT_SYSTEM};
    const unsigned how = (unsigned)get_number(in, 1);
    Writer out = answer_writer();
    if (in->bad || how >= sizeof kHow / sizeof *kHow) {
        send_answer(EINVAL, &out);
        return;
    }
    send_answer(0, &out);
    tcdrain(agent.line);
    sync();
    reboot(kHow[how]);
}

static int execute(uint8_t type, Reader* in, Writer* out) {
    switch (type) {
    case kPing: put_bytes(out, in->at, in->left); return 0;
    case kStage: return do_stage(in, out);
    case kFetch: return do_fetch(in, out);
    case kExec: return do_exec(in, out);
    case kKill: return do_kill(in);
    case kRead: return do_read(in, out);
    case kWrite: return do_write(in, out);
    case kProbe: return do_probe(in, out);
    case kList: return do_list(in, out);
    case kStat: return do_stat(in, out);
    case kInfo: return system_info(out);
    case kQuit: agent.quit = 1; return 0;
    default: return ENOSYS;
    }
}

/// JOB answers later: notes what is wanted; turn_waiting() does the rest.
static void start_waiting(Reader* in) {
    agent.waiting_job = (uint8_t)get_number(in, 1);
    const uint64_t wait_ns = get_number(in, 8);
    agent.waiting_max = (uint16_t)get_number(in, 2);
    agent.waiting_until = monotonic_ns() + wait_ns;
    agent.waiting = 1;
    if (in->bad) agent.waiting_job = 0xff;
}

static void turn_waiting(void) {
    if (!agent.waiting) return;
    if (!jobs_ready(agent.waiting_job) && monotonic_ns() < agent.waiting_until) return;
    agent.waiting = 0;
    Writer out = answer_writer();
    const int error = jobs_report(agent.waiting_job, agent.waiting_max, &out);
    send_answer(error, &out);
}

static void start_session(const Frame* request, Reader* in, Writer* out) {
    const uint64_t nonce = get_number(in, 8);
    if (agent.session == 0 || nonce != agent.hello_nonce) {
        const uint64_t salt[3] = {nonce, monotonic_ns(), (uint64_t)getpid()};
        agent.session =
            (uint32_t)siphash24(agent.key, (const uint8_t*)salt, sizeof salt) | 0x80000000;
        agent.hello_nonce = nonce;
        agent.waiting = 0;
        jobs_forget_all();
    }
    agent.last_sequence = request->sequence;
    agent.answer.session = agent.session;
    put_number(out, nonce, 8);
    put_number(out, agent.session, 4);
    put_number(out, kMaxPayload, 2);
    put_number(out, (uint32_t)getpid(), 4);
}

/// 1 if the request is new and of this session; otherwise it was dealt with here.
static int is_new_request(const Frame* request) {
    const int repeated = agent.session != 0 && request->sequence == agent.last_sequence;
    if (request->type == kHello) {
        Reader in = {.at = request->payload, .left = request->length};
        const int same = agent.session != 0 && get_number(&in, 8) == agent.hello_nonce;
        if (!same) return 1;
        if (repeated) send_frame(&agent.answer);
        return 0;
    }
    if (agent.session == 0 || request->session != agent.session) {
        send_notice(kBadSession, request->session, request->sequence);
        return 0;
    }
    if (repeated && agent.waiting) {
        send_notice(kPending, agent.session, request->sequence);
    } else if (repeated) {
        send_frame(&agent.answer);
    }
    return request->sequence > agent.last_sequence;
}

static void handle(const Frame* request) {
    if (request->type & kFromAgent || !is_new_request(request)) return;
    Reader in = {.at = request->payload, .left = request->length};
    Writer out = answer_writer();
    agent.last_sequence = request->sequence;
    agent.answer.type = request->type | kFromAgent;
    agent.answer.session = agent.session;
    agent.answer.sequence = request->sequence;
    agent.waiting = 0;

    switch (request->type) {
    case kHello:
        start_session(request, &in, &out);
        send_answer(in.bad ? EINVAL : 0, &out);
        break;
    case kJob: start_waiting(&in); break;
    case kShutdown: do_shutdown(&in); break;
    default: send_answer(execute(request->type, &in, &out), &out);
    }
}

static void read_line(void) {
    static Frame request;
    uint8_t bytes[512];
    const ssize_t got = read(agent.line, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        agent.quit = 1;
        return;
    }
    for (ssize_t i = 0; i < got && !agent.quit; i++) {
        switch (frame_read_byte(&agent.reader, bytes[i], agent.key, &request)) {
        case kGoodFrame: handle(&request); break;
        case kDamaged: send_notice(kNak, agent.session, 0); break;
        default: break;
        }
    }
}

/// Nanoseconds to poll's milliseconds, rounded up so that a deadline has passed on return.
static int poll_timeout(int64_t ns) {
    if (ns < 0) return -1;
    const int64_t ms = (ns + 999999) / 1000000;
    return ms > 60000 ? 60000 : (int)ms;
}

static void turn(void) {
    struct pollfd polls[2 + kJobs * kPollPerJob];
    int64_t timeout_ns = -1;
    if (agent.waiting) {
        timeout_ns = (int64_t)(agent.waiting_until - monotonic_ns());
        if (timeout_ns < 0) timeout_ns = 0;
    }
    polls[0] = (struct pollfd){.fd = agent.line, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = agent.child_notice, .events = POLLIN};
    const int count = 2 + jobs_poll_set(polls + 2, &timeout_ns);
    if (poll(polls, (nfds_t)count, poll_timeout(timeout_ns)) < 0 && errno != EINTR) agent.quit = 1;
    jobs_turn();
    if (polls[0].revents != 0) read_line();
    turn_waiting();
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static int load_key(const char* path) {
    char text[2 * kKeySize] = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    const ssize_t got = read(fd, text, sizeof text);
    close(fd);
    if (got != (ssize_t)sizeof text) return -1;
    for (int i = 0; i < kKeySize; i++) {
        const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return -1;
        agent.key[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int open_line(const char* path) {
    const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct termios mode;
    if (fd < 0 || tcgetattr(fd, &mode) != 0) return fd;
    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&mode, B115200);
    tcsetattr(fd, TCSANOW, &mode);
    return fd;
}

/// One line to standard error; printf would be half of the program.
static void complain(const char* what, const char* path) {
    char line[600];
    Writer out = {.bytes = (uint8_t*)line, .capacity = sizeof line};
    put_bytes(&out, "agent: ", 7);
    put_bytes(&out, what, strlen(what));
    put_bytes(&out, path, strnlen(path, 500));
    put_bytes(&out, "\n", 1);
    if (write(STDERR_FILENO, line, out.length) < 0) return;
}

int main(int argc, char** argv) {
    const char* device = "/dev/ttyS1";
    const char* key_path = "/etc/agent.key";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-d") == 0) device = argv[i + 1];
        if (strcmp(argv[i], "-k") == 0) key_path = argv[i + 1];
    }
    if (load_key(key_path) != 0) {
        complain("no key, nobody is grading: ", key_path);
        return 2;
    }
    agent.line = open_line(device);
    agent.child_notice = jobs_init();
    if (agent.line < 0 || agent.child_notice < 0) {
        complain("cannot open ", device);
        return 1;
    }
    while (!agent.quit) turn();
    jobs_forget_all();
    return 0;
}
