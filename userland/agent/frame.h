/// Frames of the COM2 channel: COBS, CRC-32, SipHash-2-4 (grader/PROTOCOL.md 2).
///
/// Pure computation on caller-owned buffers: no I/O, no allocation, no state but the reader's.
/// The Python twin is grader/vitrine_grader/protocol.py.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    kMaxPayload = 1024,
    kHeaderSize = 14,
    kTrailerSize = 12,
    kMaxPacket = kHeaderSize + kMaxPayload + kTrailerSize,
    kMaxWire = kMaxPacket + kMaxPacket / 254 + 4,
    kKeySize = 16,
};

enum MessageType {
    kHello = 0x01,
    kPing,
    kStage,
    kFetch,
    kExec,
    kJob,
    kKill,
    kRead,
    kWrite,
    kProbe,
    kList,
    kStat,
    kInfo,
    kShutdown,
    kQuit,
    kFromAgent = 0x80,
    kBadSession = 0xfd,
    kPending = 0xfe,
    kNak = 0xff,
};

typedef struct {
    uint8_t type;
    uint32_t session;
    uint32_t sequence;
    uint16_t length;
    uint8_t payload[kMaxPayload];
} Frame;

/// What a delimiter completed.
typedef enum { kNothing, kGoodFrame, kDamaged, kForged } ReadResult;

/// Collects the bytes between two delimiters. Zero-initialise; never overruns, whatever comes.
typedef struct {
    uint8_t bytes[kMaxWire];
    size_t length;
    int overrun;
} FrameReader;

uint32_t crc32_of(const uint8_t* data, size_t length);
uint64_t siphash24(const uint8_t key[kKeySize], const uint8_t* data, size_t length);

/// Takes one byte. kGoodFrame: *out is filled. kDamaged: long enough to have been a frame, so
/// a NAK is in order; shorter noise gives kNothing. kForged: all right but the MAC.
ReadResult frame_read_byte(FrameReader* reader, uint8_t byte, const uint8_t* key, Frame* out);

/// Writes the frame with both delimiters to `wire` (kMaxWire bytes) and returns the length.
size_t frame_write(const Frame* frame, const uint8_t* key, uint8_t* wire);
