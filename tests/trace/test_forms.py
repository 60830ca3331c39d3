"""The three forms of a trace hold the same: tracefs' text, the raw records, CTF for babeltrace2."""
import collections
import json
import re
import subprocess
import sys

import pytest

from traced import BUILD, KERNEL, REPOSITORY, machine
from vitrine_grader.errors import GuestFault
from vitrine_grader.trace import capture, chrome, ctf, records

LINE = re.compile(r"^ *(\d+) \[(\d+)\] ([d.])([.hsH]) +(\d+)\.(\d+): (\w+):(.*)$")


def in_ctf(folder):
    """(cpu, time, name, values) of every event that babeltrace2 finds."""
    return [(cpu, time_ns, name, values) for time_ns, cpu, _, name, values in chrome._messages(folder)]


def test_babeltrace2_reads_it(taken, ctf_trace):
    done = subprocess.run(["babeltrace2", "convert", ctf_trace], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == len(taken.records()) > 100


def test_ctf_holds_the_raw_records(taken, ctf_trace):
    for cpu in taken.raw:
        wanted = [(r.cpu, r.time_ns, r.event.name, r.values) for r in taken.records() if r.cpu == cpu]
        assert [event for event in in_ctf(ctf_trace) if event[0] == cpu] == wanted


def test_text_holds_the_raw_records(taken):
    lines = [LINE.match(line) for line in taken.text.splitlines() if not line.startswith("#")]
    assert all(lines)
    said = collections.defaultdict(list)
    for pid, cpu, irqs, context, seconds, micros, name, fields in (line.groups() for line in lines):
        flags = (irqs == "d") + 2 * ".hsH".index(context)
        said[int(cpu)].append((int(pid), flags, int(seconds) * 10**6 + int(micros), name, fields))
    for cpu, raw in taken.raw.items():
        wanted = records.decode(cpu, raw, taken.events)
        assert len(said[cpu]) == len(wanted)
        for line, record in zip(said[cpu], wanted):
            shown = "".join(f" {f.name}={as_text(f, record.values[f.name])}" for f in record.event.fields)
            assert line == (record.pid, record.flags, record.time_ns // 1000, record.event.name, shown)


def as_text(field, value):
    return f"{value:#x}" if field.is_hex and value else value


def test_loss_is_counted_everywhere(tmp_path):
    with machine("quiet trace_buf_size=8K") as guest:
        few = capture.run(guest.agent, ["raw_syscalls:*"], "for i in $(seq 100); do (exit 0); done", 20)
    found = few.records()
    assert len(found) == 63, "64 slots, one of them the writer's"
    assert few.lost[0] > 300
    ctf.write(few, tmp_path / "ctf")
    import bt2
    lost = [message.count for message in bt2.TraceCollectionMessageIterator(str(tmp_path / "ctf"))
            if type(message) is bt2._DiscardedEventsMessageConst]
    assert lost == [few.lost[0]]


def test_an_event_that_does_not_exist_is_named():
    with machine("quiet") as guest, pytest.raises(capture.TraceError, match="no event matches 'sched:nonsense'") as why:
        capture.run(guest.agent, ["sched:nonsense"], "true", 1)
    assert "sched:sched_switch" in str(why.value)


EVENT = records.Event("s", "one", 3, 12, (
    records.Field("signed", 0, 4, True, False), records.Field("text", 4, 8, False, True)))


@pytest.mark.parametrize("raw, said", [
    (b"x" * 7, "left over"),
    (records.HEADER.pack(1, 1, 3, 12, 0) + b"x" * 11, "no event has number 3"),
    (records.HEADER.pack(1, 1, 3, 13, 0) + b"x" * 13, "no event has number 3"),
    (records.HEADER.pack(1, 1, 4, 12, 0) + b"x" * 12, "no event has number 4")])
def test_a_damaged_stream_is_refused(raw, said):
    with pytest.raises(GuestFault, match=said):
        records.decode(0, raw, {3: EVENT})


@pytest.mark.parametrize("field", ["u64 a;\toffset:8;\tsize:8", "u64 a;\toffset:0;\tsize:3", "nonsense"])
def test_a_format_that_makes_no_sense_is_refused(field):
    with pytest.raises(GuestFault):
        records.parse_format("s", f"name: x\nID: 1\nformat:\n\tfield:{field};\tsigned:0;\nrecord size: 12\n")


def test_awkward_names_and_values_survive(tmp_path):
    """Fields with CTF's own words as names, text without an end, extreme numbers."""
    body = (-5).to_bytes(4, "little", signed=True) + b"eightchr"
    raw = records.HEADER.pack(10, 1, 3, 12, 0) + body + records.HEADER.pack(11, 2**32 - 1, 3, 12, 255) + bytes(12)
    ctf.write(capture.Capture({3: EVENT}, {0: b"", 5: raw}, {0: 0, 5: 0}), tmp_path / "ctf")
    assert in_ctf(tmp_path / "ctf") == [(5, 10, "one", {"signed_": -5, "text": "eightchr"}),
                                        (5, 11, "one", {"signed_": 0, "text": ""})]


def test_make_trace(tmp_path):
    command = [sys.executable, "-m", "vitrine_grader.trace", "--kernel", KERNEL, "--initrd", BUILD / "initramfs.cpio",
               "--out", tmp_path, "--command", "echo 'it works' $((6 * 7)); (exit 0); true", "--smp", "2"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY / "grader", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("it works 42\n") and " 0 lost" in done.stdout
    events = json.loads((tmp_path / "chrome.json").read_text())["traceEvents"]
    calls = [event for event in events if event["ph"] == "X" and event["pid"] == chrome.TASKS]
    assert {"write", "wait4"} <= {event["name"] for event in calls}
    assert all(event["dur"] >= 0 for event in calls)
    assert subprocess.run(["babeltrace2", tmp_path / "ctf"], capture_output=True, check=True).stdout
