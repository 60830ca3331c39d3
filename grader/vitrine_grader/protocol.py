"""Frames of the COM2 channel (PROTOCOL.md 2): COBS, CRC-32, SipHash-2-4.

Pure functions and one small state machine; no I/O, no clocks. The C twin is
userland/agent/frame.c, and tests/grader holds the two against each other.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
import zlib

MAGIC = b"VT"
VERSION = 1
MAX_PAYLOAD = 1024
HEADER = struct.Struct("<2sBBIIH")
TRAILER = struct.Struct("<QI")
MAX_PACKET = HEADER.size + MAX_PAYLOAD + TRAILER.size
FROM_AGENT = 0x80
_MASK = (1 << 64) - 1


class Op(enum.IntEnum):
    HELLO = 0x01
    PING = 0x02
    STAGE = 0x03
    FETCH = 0x04
    EXEC = 0x05
    JOB = 0x06
    KILL = 0x07
    READ = 0x08
    WRITE = 0x09
    PROBE = 0x0A
    LIST = 0x0B
    STAT = 0x0C
    INFO = 0x0D
    SHUTDOWN = 0x0E
    QUIT = 0x0F


BADSESSION, PENDING, NAK = 0xFD, 0xFE, 0xFF


class BadPacket(ValueError):
    """What stood between two delimiters is no frame; `kind` says why."""

    def __init__(self, kind: str):
        super().__init__(kind)
        self.kind = kind


def _rotl(x: int, n: int) -> int:
    return ((x << n) | (x >> (64 - n))) & _MASK


def _sip_rounds(v0: int, v1: int, v2: int, v3: int, count: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v1 = _rotl(v1, 13) ^ v0
        v0 = _rotl(v0, 32)
        v2 = (v2 + v3) & _MASK
        v3 = _rotl(v3, 16) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = _rotl(v3, 21) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = _rotl(v1, 17) ^ v2
        v2 = _rotl(v2, 32)
    return v0, v1, v2, v3


def siphash24(key: bytes, data: bytes) -> int:
    """SipHash-2-4 of `data` under a 16-byte key, as a 64-bit number."""
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    tail = len(data) & 7
    padded = data + bytes(7 - tail) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v3 ^= word
        v0, v1, v2, v3 = _sip_rounds(v0, v1, v2, v3, 2)
        v0 ^= word
    v0, v1, v2, v3 = _sip_rounds(v0, v1, v2 ^ 0xFF, v3, 4)
    return v0 ^ v1 ^ v2 ^ v3


def cobs_encode(data: bytes) -> bytes:
    """Rewrites `data` without any zero byte; at most one byte longer per 254."""
    out = bytearray()
    for block in data.split(b"\0"):
        while len(block) >= 254:
            out.append(255)
            out += block[:254]
            block = block[254:]
        out.append(len(block) + 1)
        out += block
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Undoes cobs_encode. Raises BadPacket("cobs") for what no encoder writes."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        block = data[at + 1 : at + code]
        if code == 0 or len(block) != code - 1 or 0 in block:
            raise BadPacket("cobs")
        out += block
        at += code
        if code != 255 and at < len(data):
            out.append(0)
    return bytes(out)


@dataclasses.dataclass(frozen=True)
class Frame:
    """One message. `type` is an Op, an Op with FROM_AGENT set, or one of the three notices."""

    type: int
    session: int
    sequence: int
    payload: bytes = b""

    def packet(self, key: bytes) -> bytes:
        """The packet before COBS, with its CRC and MAC."""
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"payload of {len(self.payload)} bytes, at most {MAX_PAYLOAD}")
        head = HEADER.pack(MAGIC, VERSION, self.type, self.session, self.sequence, len(self.payload))
        body = head + self.payload
        signed = body + struct.pack("<Q", siphash24(key, body))
        return signed + struct.pack("<I", zlib.crc32(signed))

    def wire(self, key: bytes) -> bytes:
        """The bytes to send, delimiters included."""
        return b"\0" + cobs_encode(self.packet(key)) + b"\0"


def parse_packet(packet: bytes, key: bytes) -> Frame:
    """Checks a decoded packet. BadPacket kinds: short, magic, version, length, crc, mac."""
    if len(packet) < HEADER.size + TRAILER.size:
        raise BadPacket("short")
    magic, version, kind, session, sequence, length = HEADER.unpack_from(packet)
    if magic != MAGIC:
        raise BadPacket("magic")
    if version != VERSION:
        raise BadPacket("version")
    if length > MAX_PAYLOAD or len(packet) != HEADER.size + length + TRAILER.size:
        raise BadPacket("length")
    body = packet[: HEADER.size + length]
    mac, crc = TRAILER.unpack_from(packet, len(body))
    if crc != zlib.crc32(packet[:-4]):
        raise BadPacket("crc")
    if mac != siphash24(key, body):
        raise BadPacket("mac")
    return Frame(kind, session, sequence, body[HEADER.size :])


class FrameReader:
    """Cuts a byte stream into frames. Garbage is counted by kind and never raises.

    Invariant: the buffer never outgrows one encoded packet, whatever is babbled.
    """

    _LIMIT = MAX_PACKET + MAX_PACKET // 254 + 1

    def __init__(self, key: bytes):
        self._key = key
        self._buffer = bytearray()
        self._overrun = False
        self.bad: dict[str, int] = {}

    def feed(self, data: bytes) -> list[Frame | BadPacket]:
        """Takes bytes in, gives out what they completed, in order."""
        found: list[Frame | BadPacket] = []
        *complete, rest = data.split(b"\0")
        for piece in complete:
            self._append(piece)
            self._finish(found)
        self._append(rest)
        return found

    def _append(self, piece: bytes) -> None:
        if len(self._buffer) + len(piece) > self._LIMIT:
            self._overrun = True
            self._buffer.clear()
        elif not self._overrun:
            self._buffer += piece

    def _finish(self, found: list[Frame | BadPacket]) -> None:
        packet, overrun = bytes(self._buffer), self._overrun
        self._buffer.clear()
        self._overrun = False
        if not packet and not overrun:
            return
        try:
            if overrun:
                raise BadPacket("long")
            found.append(parse_packet(cobs_decode(packet), self._key))
        except BadPacket as bad:
            self.bad[bad.kind] = self.bad.get(bad.kind, 0) + 1
            found.append(bad)
