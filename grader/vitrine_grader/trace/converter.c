/// Turns the records of one processor into one CTF stream: converter CPU LOST < raw > stream.
///
/// The two generated parts: vt.c, the CTF writer that barectf makes, and dispatch.inc, which knows
/// from the kernel's `format` files which bytes of a record are which field.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vt.h"

enum { kPacketSize = 65536, kMaxRecord = 255 };

/// RecordHeader of src/core/trace/trace.h.
typedef struct {
    uint64_t time_ns;
    uint32_t pid;
    uint16_t event;
    uint8_t size;
    uint8_t flags;
} Header;
_Static_assert(sizeof(Header) == 16, "as in the kernel");

static struct vt_cpu_ctx stream;
static uint64_t now;  // the time of the record in hand
static uint32_t cpu;

static void fail(const char* what) {
    fprintf(stderr, "converter: %s\n", what);
    exit(1);
}

static uint64_t clock_value(void* data) {
    (void)data;
    return now;
}

static int is_full(void* data) {
    (void)data;
    return 0;
}

static void open_packet(void* data) {
    (void)data;
    vt_cpu_open_packet(&stream, cpu);
}

static void close_packet(void* data) {
    (void)data;
    vt_cpu_close_packet(&stream);
    if (fwrite(vt_packet_buf(&stream), vt_packet_buf_size(&stream), 1, stdout) != 1) {
        fail("cannot write the stream");
    }
}

/// Opens the first packet. What was lost, was lost before the oldest record that is left; readers
/// count it as the difference to the packet before, so there is an empty one.
static void begin(uint32_t lost) {
    open_packet(NULL);
    if (lost == 0) return;
    close_packet(NULL);
    open_packet(NULL);
    stream.parent.events_discarded = lost;
}

/// The text in a char array that a NUL may end; up to three are in use at once.
static const char* text_at(const uint8_t* at, size_t size) {
    static char texts[8][kMaxRecord + 1];
    static unsigned next;
    char* const text = texts[next++ % 8];
    memcpy(text, at, size);
    text[size] = '\0';
    return text;
}

#define READ(type, name, at) \
    type name;               \
    memcpy(&name, at, sizeof name)

#include "dispatch.inc"

int main(int argc, char** argv) {
    static uint8_t packet[kPacketSize], body[kMaxRecord];
    static const struct vt_platform_callbacks callbacks = {clock_value, is_full, open_packet,
                                                           close_packet};
    Header header;
    int any = 0;
    if (argc != 3) fail("usage: converter CPU LOST < raw > stream");
    cpu = (uint32_t)strtoul(argv[1], NULL, 10);
    vt_init(&stream, packet, sizeof packet, callbacks, NULL);
    while (fread(&header, sizeof header, 1, stdin) == 1) {
        if (fread(body, 1, header.size, stdin) != header.size) fail("the last record is cut off");
        now = header.time_ns;
        if (!any) begin((uint32_t)strtoul(argv[2], NULL, 10));
        any = 1;
        if (!put_record(&header, body)) fail("a record of an unknown event");
    }
    if (any) close_packet(NULL);
    return fflush(stdout) == 0 ? 0 : 1;
}
