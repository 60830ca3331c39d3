"""Frames: encoding, damage, resynchronisation; pure functions only."""

from __future__ import annotations

import random
import struct

import pytest

from vitrine_grader import protocol
from vitrine_grader.protocol import BadPacket, Frame, FrameReader, Op

KEY = bytes(range(16))

# Vectors of the SipHash authors: key 00..0f, message 00..n-1.
SIP = {0: "310e0edd47db6f72", 1: "fd67dc93c539f874", 15: "e545be4961ca29a1"}


def test_siphash_published_vectors():
    for length in (0, 1, 15):
        got = protocol.siphash24(KEY, bytes(range(length)))
        assert struct.pack("<Q", got).hex() == SIP[length]


def test_cobs_round_trip_all_lengths():
    rng = random.Random(1)
    for length in [*range(0, 600), 1050]:
        for data in (bytes(length), b"\x01" * length, rng.randbytes(length)):
            encoded = protocol.cobs_encode(data)
            assert 0 not in encoded
            assert len(encoded) <= length + length // 254 + 1
            assert protocol.cobs_decode(encoded) == data


def frames(rng: random.Random, count: int) -> list[Frame]:
    out = []
    for i in range(count):
        payload = rng.randbytes(rng.choice([0, 1, 30, 254, 255, 1024]))
        out.append(Frame(rng.choice(list(Op)), rng.getrandbits(32), i, payload))
    return out


def test_stream_in_any_slices():
    rng = random.Random(2)
    sent = frames(rng, 40)
    stream = b"".join(frame.wire(KEY) for frame in sent)
    reader, got, at = FrameReader(KEY), [], 0
    while at < len(stream):
        step = rng.randrange(1, 200)
        got += reader.feed(stream[at : at + step])
        at += step
    assert got == sent
    assert reader.bad == {}


def test_babble_between_frames_loses_none():
    rng = random.Random(3)
    sent = frames(rng, 60)
    stream = bytearray()
    for frame in sent:
        stream += rng.randbytes(rng.randrange(0, 3000)) + frame.wire(KEY)
    got = [item for item in FrameReader(KEY).feed(bytes(stream)) if isinstance(item, Frame)]
    assert got == sent


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_never_yield_a_wrong_frame(seed):
    rng = random.Random(seed)
    good = Frame(Op.PING, 7, 9, rng.randbytes(40))
    wire = good.wire(KEY)
    for _ in range(400):
        hurt = bytearray(wire)
        for _ in range(rng.randrange(1, 4)):
            hurt[rng.randrange(len(hurt))] ^= 1 << rng.randrange(8)
        got = [item for item in FrameReader(KEY).feed(bytes(hurt)) if isinstance(item, Frame)]
        assert got in ([], [good])


def test_every_single_dropped_byte_is_noticed():
    good = Frame(Op.PING, 7, 9, b"abc\0def")
    following = Frame(Op.PING, 7, 10, b"next")
    wire = good.wire(KEY)
    for at in range(1, len(wire) - 1):
        stream = wire[:at] + wire[at + 1 :] + following.wire(KEY)
        got = [item for item in FrameReader(KEY).feed(stream) if isinstance(item, Frame)]
        assert got == [following], at


def test_wrong_key_is_forgery_not_damage():
    found = FrameReader(KEY).feed(Frame(Op.PING, 1, 1, b"x").wire(bytes(16)))
    assert [item.kind for item in found] == ["mac"]


def test_reader_memory_is_bounded():
    reader = FrameReader(KEY)
    for _ in range(100):
        reader.feed(b"\xff" * 100_000)
    assert len(reader._buffer) <= FrameReader._LIMIT
    good = Frame(Op.PING, 1, 2)
    assert reader.feed(good.wire(KEY))[-1] == good


@pytest.mark.parametrize("change,kind", [((0, 1), "magic"), ((2, 9), "version"), ((12, 200), "length")])
def test_each_header_field_is_checked(change, kind):
    packet = bytearray(Frame(Op.PING, 1, 2, b"hello").packet(KEY))
    packet[change[0]] ^= change[1]
    with pytest.raises(BadPacket, match=kind):
        protocol.parse_packet(bytes(packet), KEY)


def test_oversized_payload_is_refused():
    with pytest.raises(ValueError):
        Frame(Op.PING, 0, 0, bytes(1025)).wire(KEY)
