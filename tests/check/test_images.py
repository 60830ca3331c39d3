"""mkfs/: archives that cpio reads, disks that e2fsck accepts and that boot on every machine we name.

The boots run mkfs/run.py and mkfs/bochs_console.py on a pseudo terminal, as a person would.
"""
import os
import pathlib
import random
import subprocess
import sys

import cpio
import disk
import pexpect
import pytest
import terminal
from standin_tree import Tree

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


# --- cpio ------------------------------------------------------------------------------------
def listing(archive, tmp_path):
    file = tmp_path / "x.cpio"
    file.write_bytes(archive.bytes())
    return subprocess.run(["busybox", "cpio", "-tv"], stdin=open(file, "rb"), check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def test_cpio_manifest(tmp_path):
    (tmp_path / "data").write_text("hello")
    archive = cpio.Archive()
    archive.manifest(f"# comment\n\ndir /tmp 1777\nfile /a/b/c {tmp_path}/data 640\n"
                     "slink /init sbin/init\nnod /dev/console 600 c 5 1\n")
    lines = listing(archive, tmp_path).splitlines()
    seen = {line.split()[-1] if "->" not in line else line.split()[-3]: line for line in lines}
    assert seen["tmp"].startswith("drwxrwxrwt") and seen["a"].startswith("drwxr-xr-x")
    assert seen["a/b/c"].startswith("-rw-r-----") and " 5 " in seen["a/b/c"]
    assert seen["init"].endswith("init -> sbin/init") and seen["dev/console"].startswith("crw-------")
    assert len(archive.bytes()) % 512 == 0


def test_cpio_is_reproducible_and_later_entries_win(tmp_path):
    words = [f"dir /{name} 755" for name in "abcdef"]
    texts = []
    for seed in (1, 2):
        random.Random(seed).shuffle(words)
        archive = cpio.Archive()
        archive.manifest("\n".join(words))
        texts.append(archive.bytes())
    assert texts[0] == texts[1]
    archive.symlink("/a", "one")
    archive.symlink("a", "two")
    assert archive.bytes().count(b"two") == 1 and b"one" not in archive.bytes()


def test_cpio_round_trip(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep/er").mkdir(parents=True)
    target.mkdir()
    for size in (0, 1, 3, 4, 511, 70000):
        (source / f"deep/er/{size}").write_bytes(random.Random(size).randbytes(size))
    (source / "link").symlink_to("deep/er/4")
    archive = cpio.Archive()
    archive.tree(source)
    subprocess.run(["busybox", "cpio", "-idm"], input=archive.bytes(), cwd=target, check=True, stderr=subprocess.DEVNULL)
    assert subprocess.run(["diff", "-r", "--no-dereference", source, target], check=False).returncode == 0


@pytest.mark.parametrize("line", ["file /a", "dir /a 9", "what /a", "nod /a 600 x 1 2", "slink /../a b",
                                  "dir / 755", "file /a /no/such/file 644"])
def test_cpio_names_the_bad_line(line):
    with pytest.raises((ValueError, FileNotFoundError)) as why:
        cpio.Archive().manifest(f"dir /ok 755\n{line}\n", "the.manifest")
    assert "the.manifest:2" in str(why.value) or "/no/such/file" in str(why.value)


# --- the disk --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(kernel, disk image) of the stand-in kernel."""
    root = tmp_path_factory.mktemp("standin")
    kernel = Tree(root).built() / "vitrine.img.elf"
    initrd = root / "initrd"
    initrd.write_bytes(b"not looked at")
    image = disk.build_disk(kernel, root / "disk.img", initrd, disk.Options(cache=str(REPOSITORY / "build/grub")))
    return kernel, image


def test_disk_has_partitions_and_a_sound_file_system(built, tmp_path):
    kernel, image = built
    data = image.read_bytes()
    assert data[510:512] == b"\x55\xaa" and data[446] == 0x80 and data[450] == 0x83 and data[466] == 0xEF
    start, sectors = (int.from_bytes(data[454 + i:458 + i], "little") for i in (0, 4))
    linux = tmp_path / "part"
    linux.write_bytes(data[start * 512:(start + sectors) * 512])
    assert subprocess.run(["/sbin/e2fsck", "-fn", linux], stdout=subprocess.DEVNULL, check=False).returncode == 0
    copy = tmp_path / "kernel"
    subprocess.run(["/sbin/debugfs", "-R", f"dump /boot/vitrine.elf {copy}", linux], check=True, stderr=subprocess.DEVNULL)
    assert copy.read_bytes() == kernel.read_bytes()


def test_disk_refuses(built, tmp_path):
    kernel, _ = built
    with pytest.raises(disk.DiskError, match="no such file"):
        disk.build_disk(tmp_path / "none", tmp_path / "disk.img")
    for words in ("a;b", "a\nb", "$x", "`x`", "a'b", 'a"b', "{", "a|b", "a\\b", "#x"):
        with pytest.raises(disk.DiskError, match="would interpret"):
            disk.build_disk(kernel, tmp_path / "disk.img", options=disk.Options(cmdline=words))
    (tmp_path / "big").write_bytes(random.Random(1).randbytes(30 << 20))
    with pytest.raises(disk.DiskError, match="mke2fs"):
        disk.build_disk(tmp_path / "big", tmp_path / "disk.img", options=disk.Options(size_mib=8))
    assert not (tmp_path / "disk.img").exists() and not list(tmp_path.glob(".disk-*"))


def console(*arguments):
    """An emulator on a pseudo terminal, with `q` not yet typed."""
    return pexpect.spawn(sys.executable, [str(word) for word in arguments], timeout=60, encoding="latin-1",
                         env={**os.environ, "TERM": "vt100"})


RUN, BOCHS = REPOSITORY / "mkfs/run.py", REPOSITORY / "mkfs/bochs_console.py"


@pytest.mark.parametrize("machine", ["pc", "q35", "uefi", "direct", "bochs"])
def test_boots(built, machine):
    kernel, image = built
    child = console(*{"pc": (RUN, "disk", image), "q35": (RUN, "--machine", "q35", "disk", image),
                      "uefi": (RUN, "--smp", "2", "uefi", image), "direct": (RUN, "direct", kernel, image),
                      "bochs": (BOCHS, image)}[machine])
    child.expect(r"stand-in kernel, solved, symbols: \d+\r\n")
    child.expect("\r\nready\r\n")             # not \r\r\n: the terminal changes nothing
    child.send("a\x03\x1a\x01\x01b")          # ^C and ^Z go to the guest, Ctrl-A twice is one
    child.expect_exact("a\x03\x1a\x01b")
    if machine == "pc":
        child.send("q")
        child.expect(pexpect.EOF)
    elif machine == "bochs":
        child.send("q")
        child.expect("The machine was powered off.")
        child.expect(pexpect.EOF)
    else:
        child.send("\x01x")
        child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_bochs_quits_by_key_and_explains_a_crash(built, tmp_path):
    child = console(BOCHS, built[1])
    child.expect("ready")
    child.send("\x01x")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    (tmp_path / "empty.img").write_bytes(bytes(1 << 20))
    child = console(BOCHS, tmp_path / "empty.img")
    child.expect("Bochs ended by itself")
    child.expect("No bootable device")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_grub_names_a_kernel_it_cannot_load(tmp_path):
    (tmp_path / "junk").write_bytes(b"no kernel" * 5000)
    image = disk.build_disk(tmp_path / "junk", tmp_path / "disk.img",
                            options=disk.Options(esp=False, cache=str(REPOSITORY / "build/grub")))
    child = console(RUN, "disk", image)
    child.expect("no multiboot header found")
    child.expect("GRUB could not start /boot/vitrine.elf")
    child.send("\x01x")
    child.expect(pexpect.EOF)


def test_menu_when_a_timeout_is_asked_for(built, tmp_path):
    image = disk.build_disk(built[0], tmp_path / "disk.img",
                            options=disk.Options(timeout=20, esp=False, cache=str(REPOSITORY / "build/grub")))
    child = console(RUN, "disk", image)
    child.expect("Vitrine, quiet")
    child.send("\r")
    child.expect("ready")
    child.send("\x01x")
    child.expect(pexpect.EOF)


def test_keys_find_the_escape_wherever_input_is_cut():
    for cut in range(6):
        keys, text = terminal.Keys(), b"ab\x01xcd"
        assert keys.feed(text[:cut]) + (b"" if keys.quit else keys.feed(text[cut:])) == b"ab"
        assert keys.quit
    keys = terminal.Keys()
    assert keys.feed(b"\x01\x01\x01z") == b"\x01\x01z" and not keys.quit


def test_package_lists_name_real_packages():
    for path in sorted((REPOSITORY / "tests/packages").glob("*.txt")):
        done = subprocess.run([REPOSITORY / "tests/packages/ensure", "--list", path.stem], check=True, text=True,
                              stdout=subprocess.PIPE)
        names = done.stdout.split()
        assert names and all(name == name.lower() and "#" not in name for name in names), path
