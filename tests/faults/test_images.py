"""Damaged kernels, initramfs archives and init programs: each ends in a named error, never in silence."""
import random
import re
import stat

import pytest
from shell import Shell
from vitrine_grader import images, newc
from vitrine_grader.errors import GraderError
from vitrine_grader.machine import SECOND, Exit

LIMIT = 60 * SECOND
NO_INIT = "No working init found. Tried "
GARBAGE = {
    "empty": (b"", "ENOEXEC"),
    "text": (b"just some words\n", "ENOEXEC"),
    "only the magic": (b"\x7fELF", "ENOEXEC"),
    "header of zeros": (b"\x7fELF" + bytes(60), "ENOEXEC"),
    "32 bits": (b"\x7fELF\x01\x01\x01" + bytes(200), "ENOEXEC"),
    "interpreter that does not exist": (b"#!/no/such/shell\n", "ENOENT"),
    "interpreter that is itself": (b"#!/init\n", "ELOOP"),
    "empty interpreter": (b"#!\n", "ENOEXEC"),
}


# --- the kernel image ---------------------------------------------------------------------------


@pytest.fixture
def boot_kernel(boot, built, tmp_path):
    """`boot_kernel(bytes)`: GRUB starts on a disk whose kernel consists of these."""
    def start(kernel):
        path, disk = tmp_path / "kernel", tmp_path / "disk.img"
        path.write_bytes(kernel)
        images.build(path, built["lab"], "console=ttyS0", disk)
        return boot(disk=disk, board="pc")
    return start


def test_kernel_without_header(boot_kernel, built):
    """GRUB says so, in its own words and ours."""
    kernel = built["kernel"].read_bytes()
    magic = (0xE85250D6).to_bytes(4, "little")
    assert kernel[:32768].count(magic) == 1
    console = boot_kernel(kernel.replace(magic, b"nope", 1)).console
    console.expect("error: no multiboot header found", LIMIT)
    console.expect("GRUB could not start /boot/vitrine.elf; the reason is above", LIMIT)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.9])
def test_truncated_kernel(boot_kernel, built, share):
    """However much is missing, GRUB refuses it by name."""
    kernel = built["kernel"].read_bytes()
    console = boot_kernel(kernel[: int(len(kernel) * share)]).console
    assert console.expect("error: .*", LIMIT)
    console.expect("GRUB could not start /boot/vitrine.elf; the reason is above", LIMIT)


# --- the initramfs ------------------------------------------------------------------------------


def end_of(machine):
    """Waits until the machine is at the prompt or has ended; what it then is."""
    try:
        Shell(machine, LIMIT)
        return "prompt"
    except GraderError:
        return machine.poll()


def check_named(machine):
    """Either a shell in spite of all, or a panic that says what is wrong. In both cases the damage is named."""
    end = end_of(machine)
    text = machine.console.text
    assert end in ("prompt", Exit.PANIC), (end, text[-1500:])
    if end is Exit.PANIC:
        assert NO_INIT in text, text[-1500:]
    return end, text


@pytest.mark.parametrize("length", [1, 5, 6, 109, 110, 111, 115, 116, 120, 4096, 30001, 50000, -513, -4, -1])
def test_truncated_initramfs(boot, built, tmp_path, length):
    """What came before the cut is there; the cut is reported with its place."""
    path = tmp_path / "initrd"
    path.write_bytes(built["lab"].read_bytes()[:length])
    machine = boot("rdinit=/none init=/none", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    text = machine.console.text
    assert f"{NO_INIT}/none: ENOENT, /none: ENOENT" in text
    if length not in (-513, -4, -1):  # zeros behind the last entry may go
        assert re.search(r"initramfs: .*(EINVAL|damaged|cut|byte)", text), text[-1500:]


def hostile_archives():
    """Name to bytes; built by hand, field by field."""
    head = b"070701" + b"%08X" * 13
    fields = [1, 0o100755, 0, 0, 1, 0, 4, 0, 0, 0, 0, 2, 0]

    def entry(name=b"a\0", data=b"data", **changed):
        values = list(fields)
        values[6], values[11] = len(data), len(name)
        for field, value in changed.items():
            values[int(field[1:])] = value
        raw = head % tuple(values) + name
        raw += bytes(-len(raw) % 4) + data
        return raw + bytes(-len(raw) % 4)

    deep = b"/".join([b"d"] * 2000) + b"\0"
    return {
        "wrong magic": b"070707" + bytes(200),
        "not hexadecimal": b"070701" + b"G" * 104 + b"a\0",
        "file of 4 GiB": entry(f6=0xFFFFFFFF),
        "name of 4 GiB": entry(f11=0xFFFFFFFF),
        "name of no length": entry(f11=0),
        "name without an end": entry(name=b"abcd"),
        "name of 5000": entry(name=b"n" * 5000 + b"\0"),
        "way out": entry(name=b"../../../evil\0"),
        "deep": entry(name=deep),
        "unknown type": entry(f1=0o170000),
        "file over the root": entry(name=b".\0"),
        "symbolic link in a circle": entry(name=b"l\0", data=b"l", f1=0o120777) + entry(name=b"l/x\0"),
        "file and then a folder of it": entry(name=b"init\0") + entry(name=b"init/x\0"),
        "hard link to nothing": entry(f4=2, f6=0, data=b""),
        "device of all ones": entry(name=b"dev\0", f1=0o60666, f9=0xFFFFFFFF, f10=0xFFFFFFFF, data=b""),
        "zeros": bytes(100000),
        "noise": random.Random(7).randbytes(100000),
        "noise behind the magic": b"070701" + random.Random(8).randbytes(100000),
    }


@pytest.mark.parametrize("name", sorted(hostile_archives()))
def test_hostile_initramfs(boot, tmp_path, name):
    """Alone there is no init then, and the panic says so."""
    path = tmp_path / "initrd"
    path.write_bytes(hostile_archives()[name])
    machine = boot("", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    assert NO_INIT in machine.console.text, machine.console.text[-1500:]


@pytest.mark.parametrize("name", sorted(hostile_archives()))
def test_hostile_archive_behind_a_good_one(boot, built, tmp_path, name):
    """The system that came before it still starts, and works."""
    path = tmp_path / "initrd"
    good = built["shell"].read_bytes()
    path.write_bytes(good + bytes(-len(good) % 4) + hostile_archives()[name])
    end, text = check_named(boot("rdinit=/bin/sh", initrd=path))
    assert end == "prompt", text[-1500:]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_bits_flipped_in_the_initramfs(boot, built, tmp_path, seed):
    """Any 20 bytes changed: a shell, or a panic that names what was tried; the seed is in the test's name."""
    chance, path = random.Random(seed), tmp_path / "initrd"
    data = bytearray(built["lab"].read_bytes())
    headers = [match.start() for match in re.finditer(b"070701", data)]
    for _ in range(20):
        data[chance.choice(headers) + chance.randrange(130)] = chance.randrange(256)
    path.write_bytes(data)
    machine = boot("rdinit=/none init=/none", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    assert NO_INIT in machine.console.text


# --- init ---------------------------------------------------------------------------------------


def archive(name, mode, data=b""):
    return newc.entry(1, name, mode, data) + newc.entry(0, "TRAILER!!!", 0)


@pytest.mark.parametrize("mode, why", [(stat.S_IFDIR | 0o755, "EACCES"), (stat.S_IFREG | 0o644, "EACCES"),
                                       (stat.S_IFIFO | 0o755, "EACCES"), (stat.S_IFLNK | 0o777, "ELOOP")])
def test_init_that_is_no_program(boot, tmp_path, mode, why):
    """A directory, a file without x, a FIFO, a link to itself."""
    path = tmp_path / "initrd"
    path.write_bytes(archive("init", mode, b"init" if stat.S_ISLNK(mode) else b""))
    machine = boot("init=/init", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    assert f"{NO_INIT}/init: {why}, /init: {why}." in machine.console.text, machine.console.text[-800:]


@pytest.mark.parametrize("name", GARBAGE)
def test_init_of_garbage(boot, tmp_path, name):
    data, why = GARBAGE[name]
    path = tmp_path / "initrd"
    path.write_bytes(archive("init", stat.S_IFREG | 0o755, data))
    machine = boot("", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    assert f"{NO_INIT}/init: {why}," in machine.console.text, machine.console.text[-800:]


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.slow] * (seed > 5)) for seed in range(40)])
def test_damaged_program_as_init(boot, built, tmp_path, seed):
    """A real program, cut off or with its headers changed: it runs, is refused, or is killed; the kernel lives."""
    chance, path = random.Random(seed), tmp_path / "initrd"
    data = bytearray((built["programs"] / "hello/static-musl").read_bytes())
    if seed % 3 == 0:
        del data[chance.randrange(len(data)):]
    else:
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(64 + 56 * 6)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    path.write_bytes(archive("init", stat.S_IFREG | 0o755, bytes(data)))
    machine = boot("", initrd=path)
    assert machine.wait_exit(LIMIT) is Exit.PANIC
    assert re.search(rf"{NO_INIT}/init: E[A-Z]+,|Attempted to kill init!", machine.console.text), machine.console.text[-800:]
