"""Task 7: the information GRUB leaves, and a boot by GRUB itself."""

from __future__ import annotations

import struct

import multiboot
from multiboot import COMMAND_LINE, MEMORY_MAP, MODULE, block, map_body, tag

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

EINVAL = 22


def parse(probes, data: bytes):
    return multiboot.decode(probes.ask("boot_multiboot2", data))


def check_block(probes, data: bytes, expected: multiboot.Expected, what: str) -> None:
    error, found = parse(probes, data)
    check_equal(error, 0, f"{what} is understood")
    for name, value in vars(expected).items():
        check_equal(getattr(found, name), value, f"{what}: {name}")


@points(6, task="7", function="next_tag, read_memory_map, parse_multiboot2", handout="handouts/01-boot.md, task 7", emulators=["qemu"])
def test_multiboot2_tags(direct, rng, emu):
    """every tag of a sound block is found, whatever its order, its size and its neighbours"""
    check_block(direct, block(), multiboot.Expected(), "a block without tags")
    three = block(tag(77, b"x"), tag(COMMAND_LINE, b"quiet\0"), tag(78, b"abcde"), tag(MEMORY_MAP, map_body([(1, 2, 3)])))
    check_block(direct, three, multiboot.Expected([(1, 2, 3)], command_line=b"quiet"), "tags of odd sizes")
    one, two = multiboot.draw_entries(rng, 3), multiboot.draw_entries(rng, 2)
    both = block(tag(MEMORY_MAP, map_body(one)), tag(MEMORY_MAP, map_body(two, 40)))
    check_block(direct, both, multiboot.Expected(one + two), "two maps with entries of 24 and 40 bytes")
    after = block(tag(COMMAND_LINE, b"a\0")) + tag(COMMAND_LINE, b"behind the end\0")
    check_block(direct, after, multiboot.Expected(command_line=b"a"), "a tag behind the end tag")
    for _ in range(40):
        check_block(direct, *multiboot.draw(rng), "a drawn block")


@points(6, task="7", function="next_tag", handout="handouts/01-boot.md, task 7", requires=["test_multiboot2_tags"], emulators=["qemu"])
def test_multiboot2_damaged(direct, rng, emu):
    """a damaged block is EINVAL: no endless loop, not one byte read outside"""
    sound = tag(COMMAND_LINE, b"console=ttyS0\0")
    cases = {f"{n} bytes only": bytes(n) for n in range(8)}
    cases |= {"no tag at all": block(end=False), "no end tag": block(sound, end=False)}
    for size in (0, 1, 7):
        cases[f"a tag of size {size}"] = block(sound, tag(9, b"", size), tag(9, b"12345678"))
    for size in (17, 24, 4096, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF):
        cases[f"a last tag that claims {size:#x} bytes"] = block(sound, tag(9, b"12345678", size), end=False)
    cases["half a header"] = block(sound, end=False) + b"\1\0\0\0"
    cases["a memory map of 7 bytes"] = block(tag(MEMORY_MAP, bytes(7)))
    for size in (0, 1, 16, 23):
        cases[f"map entries of {size} bytes"] = block(tag(MEMORY_MAP, struct.pack("<II", size, 0) + bytes(96)))
    cases["a module that ends before it starts"] = block(tag(MODULE, struct.pack("<II", 4096, 0)))
    for what, data in cases.items():
        check_equal(parse(direct, data)[0], EINVAL, f"a block with {what} is EINVAL")
    huge = map_body([(1, 2, 3)], 24)[:8] + struct.pack("<QQI", 1, 2, 3)  # one entry, cut short
    check_block(direct, block(tag(MEMORY_MAP, huge)), multiboot.Expected(), "a cut map entry")
    wide = struct.pack("<II", 0xFFFFFFFF, 0) + bytes(48)
    check_block(direct, block(tag(MEMORY_MAP, wide)), multiboot.Expected(), "entries larger than the map")
    for _ in range(120):
        data = bytearray(multiboot.draw(rng)[0])
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), 400))] = rng.choice([0, 1, 7, 0x80, 0xFF])
        direct.ask("boot_multiboot2", bytes(data[: rng.randint(0, len(data))]))  # any verdict, but no harm


@points(5, task="7", function="parse_multiboot2", handout="handouts/01-boot.md, task 7",
        requires=["test_boot_user_program"])  # fmt: skip
def test_multiboot2_grub(boot, rng, emu):
    """GRUB boots the kernel from a disk, and the command line arrives as it was written"""
    words = "console=ttyS0 " + " ".join(f"x{rng.getrandbits(40):x}=y" for _ in range(6))
    machine = boot(words, grub=True, board="pc")
    line = machine.agent.read_file("/proc/cmdline").decode(errors="replace").split()
    check(all(word in line for word in words.split()), "/proc/cmdline has every word of grub.cfg",
          expected=words, observed=" ".join(line))  # fmt: skip
