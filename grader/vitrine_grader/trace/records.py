"""The kernel's records: their schema (tracefs `format` files) and their bytes (trace_pipe_raw).

A record is a RecordHeader (src/core/trace/trace.h) and the event's struct. The struct's fields are
what `format` says; nothing about single events is known here.
"""

from __future__ import annotations

import dataclasses
import re
import struct
from typing import Iterator

from ..errors import GuestFault

HEADER = struct.Struct("<QIHBB")  # time_ns, pid, event, size, flags
_FIELD = re.compile(r"\tfield:(\w+) (\w+)(\[\d+\])?;\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);$")
_HEX = re.compile(r"(\w+)=%#l*x")
_WIDTHS = {1: "b", 2: "h", 4: "i", 8: "q"}


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of an event; text is a char array that a NUL may end."""

    name: str
    offset: int
    size: int
    is_signed: bool
    is_text: bool
    is_hex: bool = False

    def value(self, body: bytes) -> int | str:
        raw = body[self.offset : self.offset + self.size]
        if self.is_text:
            return raw.split(b"\0")[0].decode(errors="replace")
        return int.from_bytes(raw, "little", signed=self.is_signed)


@dataclasses.dataclass(frozen=True)
class Event:
    """One kind of record."""

    system: str
    name: str
    id: int
    size: int
    fields: tuple[Field, ...]


@dataclasses.dataclass(frozen=True)
class Record:
    """One record, decoded."""

    cpu: int
    time_ns: int
    pid: int
    flags: int
    event: Event
    values: dict[str, int | str]


def parse_format(system: str, text: str) -> Event:
    """An event from its `format` file."""
    try:
        name = re.search(r"^name: (\w+)$", text, re.MULTILINE)[1]
        number = int(re.search(r"^ID: (\d+)$", text, re.MULTILINE)[1])
        size = int(re.search(r"^record size: (\d+)$", text, re.MULTILINE)[1])
    except TypeError as error:
        raise GuestFault(f"the format of an event of {system} is not understood: {text!r}") from error
    hexadecimal = set(_HEX.findall(text.partition("\nprint fmt: ")[2]))
    lines = [line for line in text.splitlines() if line.startswith("\tfield:")]
    fields = tuple(_field(line, size, hexadecimal) for line in lines)
    return Event(system, name, number, size, fields)


def _field(line: str, record_size: int, hexadecimal: set[str]) -> Field:
    match = _FIELD.match(line)
    if not match:
        raise GuestFault(f"a field of an event is not understood: {line!r}")
    _, name, is_array, offset, size, signed = match.groups()
    field = Field(name, int(offset), int(size), signed == "1", bool(is_array), name in hexadecimal)
    if field.offset + field.size > record_size or not (field.is_text or field.size in _WIDTHS):
        raise GuestFault(f"a field lies outside its record: {line!r}")
    return field


def split(raw: bytes, events: dict[int, Event]) -> Iterator[tuple[tuple, bytes]]:
    """Header and body of each record; GuestFault where the stream makes no sense."""
    at = 0
    while at < len(raw):
        if len(raw) - at < HEADER.size:
            raise GuestFault(f"{len(raw) - at} bytes are left over behind the last record")
        header = HEADER.unpack_from(raw, at)
        number, size = header[2], header[3]
        event = events.get(number)
        if event is None or event.size != size or len(raw) - at - HEADER.size < size:
            raise GuestFault(f"no event has number {number} and size {size} (byte {at} of the stream)")
        body = raw[at + HEADER.size : at + HEADER.size + size]
        at += HEADER.size + size
        yield header, body


def decode(cpu: int, raw: bytes, events: dict[int, Event]) -> list[Record]:
    """All records of one processor."""
    decoded = []
    for (time_ns, pid, number, _, flags), body in split(raw, events):
        event = events[number]
        values = {field.name: field.value(body) for field in event.fields}
        decoded.append(Record(cpu, time_ns, pid, flags, event, values))
    return decoded
