"""Writes a CTF 1.8 trace: a barectf configuration from the kernel's schema, barectf's C, a run of it.

The only place where CTF's layout is known is the code that barectf generates; here are only names
and types. One stream for each processor; loss is what CTF calls discarded events.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import tempfile

from ..errors import InfrastructureFault
from .capture import Capture
from .records import HEADER, Event, Field, split

_INFO = 6  # the log level of all events; barectf wants a number
_RESERVED = set(
    """align callsite clock const char double enum env event float floating_point int integer long short signed
    stream string struct trace typealias typedef unsigned variant void _Bool _Complex _Imaginary""".split()
)


def _name(field: Field) -> str:
    """CTF's own words cannot be names of fields."""
    return f"{field.name}_" if field.name in _RESERVED else field.name


def _type(field: Field) -> dict:
    if field.is_text:
        return {"class": "string"}
    base = {"preferred-display-base": "hexadecimal"} if field.is_hex else {}
    return {"class": f"{'' if field.is_signed else 'un'}signed-integer", "size": 8 * field.size, **base}


def _unsigned(bits: int) -> dict:
    return {"field-type": {"class": "unsigned-integer", "size": bits}}


def configuration(events: list[Event]) -> str:
    """The barectf file, in YAML's subset JSON."""
    records = {
        event.name: {
            "log-level": _INFO,
            "payload-field-type": {
                "class": "structure",
                "members": [{_name(field): {"field-type": _type(field)}} for field in event.fields],
            },
        }
        for event in events
    }
    stream = {
        "$is-default": True,
        "$default-clock-type-name": "monotonic",
        "packet-context-field-type-extra-members": [{"cpu_id": _unsigned(32)}],
        "event-record-common-context-field-type": {
            "class": "structure",
            "members": [{"pid": _unsigned(32)}, {"flags": _unsigned(8)}],
        },
        "event-record-types": records,
    }
    clock = {"frequency": 1_000_000_000, "$c-type": "uint64_t", "description": "CLOCK_MONOTONIC of the guest"}
    trace_type = {
        "native-byte-order": "little-endian",
        "clock-types": {"monotonic": clock},
        "data-stream-types": {"cpu": stream},
    }
    whole = {
        "options": {"code-generation": {"prefix": {"identifier": "vt_", "file-name": "vt"}}},
        "trace": {"environment": {"sysname": "Vitrine"}, "type": trace_type},
    }
    return "--- !<tag:barectf.org,2020/3/config>\n" + json.dumps(whole, indent=1) + "\n"


def dispatch(events: list[Event]) -> str:
    """C that hands a record's fields to barectf's function for its event."""
    lines = ["static int put_record(const Header* h, const uint8_t* b) {", "    switch (h->event) {"]
    for event in events:
        lines += [f"    case {event.id}: {{", f"        if (h->size != {event.size}) return 0;"]
        arguments = []
        for number, field in enumerate(event.fields):
            if field.is_text:
                arguments.append(f"text_at(b + {field.offset}, {field.size})")
                continue
            c_type = f"{'' if field.is_signed else 'u'}int{8 * field.size}_t"
            lines.append(f"        READ({c_type}, f{number}, b + {field.offset});")
            arguments.append(f"f{number}")
        call = ", ".join(["&stream", "h->pid", "h->flags", *arguments])
        lines += [f"        vt_cpu_trace_{event.name}({call});", "        return 1;", "    }"]
    return "\n".join([*lines, "    }", "    return 0;", "}", ""])


def _run(argv: list, **options) -> None:
    try:
        subprocess.run(argv, check=True, capture_output=True, **options)
    except FileNotFoundError as error:
        raise InfrastructureFault(f"{argv[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise InfrastructureFault(f"{argv[0]}: {error.stderr.decode(errors='replace').strip()}") from error


def build_converter(events: list[Event], folder: pathlib.Path) -> pathlib.Path:
    """Generates and compiles the converter for these events; also leaves `metadata` there."""
    (folder / "config.yaml").write_text(configuration(events))
    (folder / "dispatch.inc").write_text(dispatch(events))
    _run(["barectf", "generate", "-c", folder, "-H", folder, "-m", folder, folder / "config.yaml"])
    source = pathlib.Path(__file__).with_name("converter.c")
    program = folder / "converter"
    _run(["cc", "-O1", "-w", "-I", folder, "-o", program, source, folder / "vt.c"])
    return program


def write(capture: Capture, out: pathlib.Path) -> None:
    """The trace, in folder `out`: `metadata` and a stream for each processor that recorded something."""
    with tempfile.TemporaryDirectory(prefix="vitrine-ctf-") as work:
        _write(capture, out, pathlib.Path(work))


def _write(capture: Capture, out: pathlib.Path, work: pathlib.Path) -> None:
    events = sorted(capture.events.values(), key=lambda event: event.id)
    converter = build_converter(events, work)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copyfile(work / "metadata", out / "metadata")
    for cpu, raw in capture.raw.items():
        if len(raw) < HEADER.size:
            continue
        for _ in split(raw, capture.events):
            pass  # complains about what makes no sense, with its place
        with open(out / f"cpu{cpu}", "wb") as stream:
            done = subprocess.run(
                [converter, str(cpu), str(capture.lost[cpu])], input=raw, stdout=stream, stderr=subprocess.PIPE, check=False
            )
        if done.returncode != 0:
            raise InfrastructureFault(done.stderr.decode(errors="replace").strip())
