"""The real agent on the host's Linux behind a pty: requests, and a line that hurts."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat

import pytest
from host_agent import KEY, BadLine, HostAgent

from vitrine_grader import protocol
from vitrine_grader.agent import Agent
from vitrine_grader.errors import AgentError, AgentRestarted
from vitrine_grader.protocol import Frame, Op

SECOND = 1_000_000_000


@pytest.fixture
def host(agent_binary, tmp_path):
    with HostAgent(agent_binary, tmp_path) as running:
        yield running


@pytest.fixture
def agent(host) -> Agent:
    return host.client(seed=5)


def test_binary_is_small(agent_binary):
    assert agent_binary.stat().st_size < 60 * 1024


def test_no_key_ends_with_2(agent_binary, tmp_path):
    import subprocess

    done = subprocess.run([agent_binary, "-k", tmp_path / "none"], capture_output=True)
    assert done.returncode == 2 and b"no key" in done.stderr


def test_ping_any_bytes(agent):
    for payload in (b"", bytes(range(256)), bytes(1000), b"\x11\x13\x03\x04\r\n\x7f" * 100):
        agent.ping(payload)


def test_run_collects_everything(agent):
    done = agent.run(["/bin/sh", "-c", "cat; echo $V >&2; exit 7"], env={"V": "w"}, stdin=b"a\0b")
    assert (done.stdout, done.stderr, done.exit_code, done.signal) == (b"a\0b", b"w\n", 7, None)


def test_run_large_input_and_output(agent):
    data = random.Random(1).randbytes(60_000)
    done = agent.run(["/bin/cat"], stdin=data)
    assert done.stdout == data and not done.truncated


def test_run_reports_signal(agent):
    assert agent.run(["/bin/sh", "-c", "kill -SEGV $$"]).signal == signal.SIGSEGV


def test_run_limit_kills_the_group(agent):
    done = agent.run(["/bin/sh", "-c", "sleep 100 & wait"], limit_ns=SECOND // 5)
    assert done.timed_out and done.signal == signal.SIGKILL
    assert SECOND // 5 <= done.wall_ns < 5 * SECOND


def test_babbling_program_is_cut_not_waited_for(agent):
    done = agent.run(["/bin/sh", "-c", "yes"], limit_ns=SECOND // 5)
    assert done.timed_out and done.truncated and len(done.stdout) >= 65536


def test_back_pressure_loses_nothing(agent):
    job, _ = agent.start(["/bin/sh", "-c", "seq 1 60000"], limit_ns=0, back_pressure=True)
    out = b""
    while True:
        report = agent.job(job)
        out += report.out
        if report.done:
            break
    assert not report.truncated
    assert out == b"".join(b"%d\n" % i for i in range(1, 60001))


def test_four_jobs_then_eagain(agent):
    jobs = [agent.start(["/bin/sleep", "9"])[0] for _ in range(4)]
    with pytest.raises(AgentError) as error:
        agent.start(["/bin/sleep", "9"])
    assert error.value.errno == errno.EAGAIN
    agent.kill(jobs[2], signal.SIGTERM)
    while not (report := agent.job(jobs[2])).done:
        pass
    assert os.WTERMSIG(report.wait_status) == signal.SIGTERM
    assert agent.start(["/bin/true"])[0] == jobs[2]


@pytest.mark.parametrize("path,code", [("/nonexistent", errno.ENOENT), ("/etc", errno.EACCES)])
def test_exec_errno(agent, path, code):
    with pytest.raises(AgentError) as error:
        agent.run([path])
    assert error.value.errno == code


def test_files(agent, tmp_path):
    path, data = str(tmp_path / "f"), random.Random(2).randbytes(150_000)
    agent.write_file(path, data, mode=0o600)
    assert agent.read_file(path) == data
    assert agent.read_file(path, offset=70_000, length=100) == data[70_000:70_100]
    agent.write_file(path, b"XY", offset=3)
    assert agent.read_file(path, length=6) == data[:3] + b"XY" + data[5:6]
    info = agent.stat(path)
    assert (info.size, stat.S_IMODE(info.mode), info.ino) == (150_000, 0o600, os.stat(path).st_ino)
    assert set(agent.list_dir(str(tmp_path))) == {".", "..", "f", "agent.key"}
    with pytest.raises(AgentError) as error:
        agent.read_file(str(tmp_path / "none"))
    assert error.value.errno == errno.ENOENT


def test_list_of_many(agent, tmp_path):
    names = {f"file-with-a-long-name-{i:04}" for i in range(500)}
    for name in names:
        (tmp_path / name).touch()
    assert set(agent.list_dir(str(tmp_path))) >= names


def test_probe_reads_from_the_same_descriptor(agent, tmp_path):
    (tmp_path / "p").write_bytes(b"old contents")
    assert agent.probe(str(tmp_path / "p"), b"new") == b"new contents"


def test_info(agent):
    info = agent.info()
    assert info.sysname == os.uname().sysname and info.machine == "x86_64"
    assert info.cpus == os.cpu_count() and info.monotonic_ns > 0


def test_bad_requests_are_refused(agent):
    for op in (Op.STAGE, Op.FETCH, Op.EXEC, Op.READ, Op.WRITE, Op.PROBE, Op.LIST, Op.STAT, Op.KILL):
        for payload in (b"", b"\xff" * 3, b"\xff" * 200):
            with pytest.raises(AgentError) as error:
                agent.call(op, payload)
            assert error.value.errno in (errno.EINVAL, errno.ESRCH, errno.ENOENT)
    with pytest.raises(AgentError) as error:
        agent.call(0x30)
    assert error.value.errno == errno.ENOSYS


def test_fuzzed_frames_do_not_stop_it(host, agent):
    rng = random.Random(4)
    for i in range(300):
        op = rng.choice([op for op in Op if op not in (Op.SHUTDOWN, Op.QUIT, Op.WRITE, Op.KILL)])
        payload = rng.randbytes(rng.randrange(0, 60))
        host.channel.send(Frame(op, agent.session, 1 << 30 | i, payload).wire(KEY))
    agent._sequence = 1 << 31
    agent.hello()
    agent.ping()


def test_a_repeated_request_is_executed_once(host, agent, tmp_path):
    path = str(tmp_path / "count")
    agent._stage(b"x")
    payload = bytes(8) + b"\1\0\0\0" + b"\5" + b"\xa4\1" + len(path).to_bytes(2, "little")
    wire = Frame(Op.WRITE, agent.session, agent._sequence + 1, payload + path.encode()).wire(KEY)
    for _ in range(20):
        host.channel.send(wire)
    agent._sequence += 1
    agent.ping()
    assert agent.read_file(path) == b"x"


def test_waiting_job_answers_pending(host, agent):
    job, _ = agent.start(["/bin/sleep", "0.4"])
    agent._retry = 0.05
    before = agent.counters.repeated
    while not agent.job(job, wait_ns=2 * SECOND).done:
        pass
    assert agent.counters.repeated > before and agent.counters.conflicts == 0


def test_restart_is_noticed(agent_binary, tmp_path):
    with HostAgent(agent_binary, tmp_path) as first:
        client = first.client()
    with HostAgent(agent_binary, tmp_path) as second:
        client._line, client._position = second.channel, second.channel.position
        with pytest.raises(AgentRestarted):
            client.ping()


def test_forged_frames_are_counted_and_change_nothing(host, agent):
    real_send = host.channel.send

    def send(data):
        """Before every request goes out, an answer to it is already there, with a wrong key."""
        frame = protocol.parse_packet(protocol.cobs_decode(data.strip(b"\0")), KEY)
        fake = Frame(frame.type | 0x80, frame.session, frame.sequence, bytes(4) + b"forged")
        host.channel._take(fake.wire(bytes(16)))
        return real_send(data)

    host.channel.send = send
    assert agent.call(Op.PING, b"real") == b"real"
    assert agent.counters.forged == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "rates",
    [{"drop": 0.001}, {"flip": 0.001}, {"babble": 0.001}, {"dup": 0.5},
     {"drop": 0.0007, "flip": 0.0007, "babble": 0.0005, "dup": 0.2}],
    ids=["drop", "flip", "babble", "dup", "all"],
)  # fmt: skip
def test_bad_line_changes_no_answer(host, rates, seed):
    line = BadLine(host.channel, seed, **rates)
    agent = Agent(line, KEY, seed=seed, retry=0.03)
    agent.hello()
    data = random.Random(seed).randbytes(6000)
    done = agent.run(["/bin/cat"], stdin=data)
    assert done.stdout == data and done.exit_code == 0
    for i in range(20):
        agent.ping()
    assert agent.counters.conflicts == 0 and agent.counters.forged == 0
