"""A core file of the guest, opened by the tools that people use on them: readelf, pyelftools, gdb."""
import gzip
import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from vitrine_grader.machine import SECOND

CRASH = r"""
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

char banner[] = "found in memory";
volatile int standing;
__attribute__((noinline)) void stand_by(int number) {
    __atomic_fetch_add(&standing, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        if (number == 0) pause();
    }
}
void* bystander(void* number) {
    stand_by((int)(long)number);
    return 0;
}
__attribute__((noinline)) void innermost(int depth, volatile int* where) {
    if (depth > 0) innermost(depth - 1, where);
    *where = depth;
}
int main(void) {
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    pthread_t threads[2];
    setrlimit(RLIMIT_CORE, &all);
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, bystander, (void*)i);
    while (standing < 2) sched_yield();
    memcpy(banner, "FOUND", 5);
    innermost(3, (int*)0x5a5a0);
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    (folder / "crash.c").write_text(CRASH)
    subprocess.run(["musl-gcc", "-g", "-O1", "-fno-optimize-sibling-calls", "-static", "-o", "crash", "crash.c"],
                   cwd=folder, check=True)
    return folder / "crash"


@pytest.fixture
def core(boot, program, tmp_path):
    """The core of that program; where it lies here."""
    agent = boot("quiet", agent=True, smp=2).agent
    agent.write_file("/tmp/crash.gz", gzip.compress(program.read_bytes()))
    script = "cd /tmp; gunzip crash.gz; chmod +x crash; ulimit -c unlimited; ./crash; echo $?; gzip core"
    done = agent.run(["/bin/sh", "-c", script], limit_ns=60 * SECOND)
    assert done.stdout.split() == [b"139"], done.describe()
    path = tmp_path / "core"
    path.write_bytes(gzip.decompress(agent.read_file("/tmp/core.gz")))
    return path


def notes_of(elf):
    return [note for segment in elf.iter_segments("PT_NOTE") for note in segment.iter_notes()]


def test_pyelftools_reads_it(core):
    with core.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf["e_type"] == "ET_CORE" and elf["e_machine"] == "EM_X86_64"
        notes = notes_of(elf)
        count = {kind: sum(note["n_type"] == kind for note in notes) for kind in {note["n_type"] for note in notes}}
        assert count["NT_PRSTATUS"] == 3 and count["NT_PRPSINFO"] == 1
        assert count["NT_AUXV"] == count["NT_FILE"] == count["NT_SIGINFO"] == 1
        (about,) = [note["n_desc"] for note in notes if note["n_type"] == "NT_PRPSINFO"]
        assert about["pr_fname"].rstrip(b"\0") == b"crash" and about["pr_psargs"].startswith(b"./crash")
        (files,) = [note["n_desc"] for note in notes if note["n_type"] == "NT_FILE"]
        assert b"/tmp/crash" in files["filename"]
        loads = list(elf.iter_segments("PT_LOAD"))
        assert loads and all(load["p_offset"] % 4096 == 0 for load in loads)
        assert all(load["p_filesz"] <= load["p_memsz"] for load in loads)
        assert max(load["p_offset"] + load["p_filesz"] for load in loads) == core.stat().st_size
        starts = [load["p_vaddr"] for load in loads]
        assert starts == sorted(starts)


def test_readelf_has_no_complaint(core):
    done = subprocess.run(["readelf", "-W", "-h", "-l", "-n", core], capture_output=True, text=True, check=True)
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stderr
    assert len(re.findall(r"NT_PRSTATUS", done.stdout)) == 3
    assert len(re.findall(r"NT_X86_XSTATE", done.stdout)) == 3


def test_gdb_tells_the_story(core, program):
    commands = ["bt", "info threads", "thread apply all bt", "p banner", "p $_siginfo._sifields._sigfault.si_addr",
                "p $mxcsr", "x/s banner"]
    words = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run(["gdb", "-nx", "-batch", *words, program, core], capture_output=True, text=True, check=True)
    text = done.stdout
    assert "Program terminated with signal SIGSEGV" in text
    story = text[text.index("[Current thread"):]
    frames = re.findall(r"^#\d+ .*?\b(innermost|main)\b", story, re.MULTILINE)
    assert frames[:5] == ["innermost"] * 4 + ["main"], text
    assert len(re.findall(r"^[* ] +\d+ +(?:Thread|LWP)", text, re.MULTILINE)) == 3, text
    assert re.search(r"^#0 .*\bpause|^#1 .*\bpause", text, re.MULTILINE), text
    assert re.search(r"^#1 .*\bbystander \(", text, re.MULTILINE), text
    assert '"FOUND in memory"' in text and "0x5a5a0" in text, text
