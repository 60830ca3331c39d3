/// Frames of the COM2 channel, the guest's side. See frame.h and grader/PROTOCOL.md 2.
#include "frame.h"

#include <string.h>

#include "wire.h"

static const uint8_t kMagic[3] = {'V', 'T', 1};

uint32_t crc32_of(const uint8_t* data, size_t length) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static uint64_t rotate_left(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t load64(const uint8_t* bytes) {
    Reader in = {.at = bytes, .left = 8};
    return get_number(&in, 8);
}

static void sip_rounds(uint64_t v[4], int count) {
    while (count-- > 0) {
        v[0] += v[1];
        v[1] = rotate_left(v[1], 13) ^ v[0];
        v[0] = rotate_left(v[0], 32);
        v[2] += v[3];
        v[3] = rotate_left(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate_left(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate_left(v[1], 17) ^ v[2];
        v[2] = rotate_left(v[2], 32);
    }
}

static void sip_absorb(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

uint64_t siphash24(const uint8_t key[kKeySize], const uint8_t* data, size_t length) {
    const uint64_t k0 = load64(key), k1 = load64(key + 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    size_t at = 0;
    for (; at + 8 <= length; at += 8) sip_absorb(v, load64(data + at));

    uint8_t last[8] = {0};
    memcpy(last, data + at, length - at);
    last[7] = (uint8_t)length;
    sip_absorb(v, load64(last));
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/// Decodes in place; the length of the packet, or 0 for what no encoder writes.
static size_t cobs_decode(uint8_t* bytes, size_t length) {
    size_t from = 0, to = 0;
    while (from < length) {
        const size_t code = bytes[from];
        if (code == 0 || from + code > length) return 0;
        memmove(bytes + to, bytes + from + 1, code - 1);
        to += code - 1;
        from += code;
        if (code != 255 && from < length) bytes[to++] = 0;
    }
    return to;
}

static size_t cobs_encode(const uint8_t* data, size_t length, uint8_t* out) {
    size_t to = 1, code_at = 0;
    for (size_t i = 0; i < length; i++) {
        if (data[i] != 0) out[to++] = data[i];
        if (data[i] == 0 || to - code_at == 255) {
            out[code_at] = (uint8_t)(to - code_at);
            code_at = to++;
        }
    }
    out[code_at] = (uint8_t)(to - code_at);
    return to;
}

/// Checks a decoded packet of the right minimum size and takes it apart.
static ReadResult parse_packet(const uint8_t* packet, size_t size, const uint8_t* key, Frame* out) {
    Reader in = {.at = packet + sizeof kMagic, .left = size - sizeof kMagic};
    out->type = (uint8_t)get_number(&in, 1);
    out->session = (uint32_t)get_number(&in, 4);
    out->sequence = (uint32_t)get_number(&in, 4);
    out->length = (uint16_t)get_number(&in, 2);
    if (memcmp(packet, kMagic, sizeof kMagic) != 0 || out->length > kMaxPayload) return kDamaged;
    if (in.left != out->length + (size_t)kTrailerSize) return kDamaged;

    memcpy(out->payload, in.at, out->length);
    in.at += out->length;
    in.left -= out->length;
    const size_t covered = size - kTrailerSize;
    const uint64_t mac = get_number(&in, 8);
    if (get_number(&in, 4) != crc32_of(packet, size - 4)) return kDamaged;
    if (mac != siphash24(key, packet, covered)) return kForged;
    return kGoodFrame;
}

ReadResult frame_read_byte(FrameReader* reader, uint8_t byte, const uint8_t* key, Frame* out) {
    if (byte != 0) {
        if (reader->length == sizeof reader->bytes) {
            reader->overrun = 1;
        } else {
            reader->bytes[reader->length++] = byte;
        }
        return kNothing;
    }
    const int overrun = reader->overrun;
    const size_t size = overrun ? 0 : cobs_decode(reader->bytes, reader->length);
    const size_t raw_size = reader->length;
    reader->length = 0;
    reader->overrun = 0;
    if (size >= kHeaderSize + kTrailerSize) return parse_packet(reader->bytes, size, key, out);
    return raw_size >= kHeaderSize ? kDamaged : kNothing;
}

size_t frame_write(const Frame* frame, const uint8_t* key, uint8_t* wire) {
    uint8_t packet[kMaxPacket];
    Writer out = {.bytes = packet, .capacity = sizeof packet};
    put_bytes(&out, kMagic, sizeof kMagic);
    put_number(&out, frame->type, 1);
    put_number(&out, frame->session, 4);
    put_number(&out, frame->sequence, 4);
    put_number(&out, frame->length, 2);
    put_bytes(&out, frame->payload, frame->length);
    const size_t covered = out.length;
    put_number(&out, siphash24(key, packet, covered), 8);
    put_number(&out, crc32_of(packet, out.length), 4);

    wire[0] = 0;
    const size_t encoded = cobs_encode(packet, out.length, wire + 1);
    wire[1 + encoded] = 0;
    return encoded + 2;
}
