#!/usr/bin/python3
"""Writes the kernel's own symbol table, so that a panic can name functions.

The kernel is linked three times. The first link carries an empty table and tells how many symbols
there are. The second carries a table of the right size, so from now on nothing moves; its addresses
give the table of the third. `verify` proves after each build that the last two agree.

    kallsyms.py empty  OUT.S
    kallsyms.py table  PREVIOUS.elf OUT.S
    kallsyms.py verify PREVIOUS.elf FINAL.elf

Layout (section .kallsyms, read only):
    kallsyms_count         u32     number of symbols
    kallsyms_offsets       u32[]   address - KERNEL_BASE, ascending
    kallsyms_name_offsets  u32[]   where the name starts in kallsyms_names
    kallsyms_names         bytes   names, each closed by NUL, no parameter lists
"""
import re
import subprocess
import sys

KERNEL_BASE = 0xFFFF_FFFF_8000_0000
LONGEST_NAME = 127


def text_symbols(elf):
    """(address, kind, mangled name) of each code symbol of the kernel's own half."""
    listing = subprocess.run(["nm", "--numeric-sort", elf], check=True, text=True, stdout=subprocess.PIPE)
    found = []
    for line in listing.stdout.splitlines():
        fields = line.split(maxsplit=2)
        if len(fields) == 3 and fields[1] in "tTwW" and int(fields[0], 16) >= KERNEL_BASE:
            found.append((int(fields[0], 16), fields[1], fields[2]))
    return found


def readable(mangled_names):
    """The names as a person writes them: no parameters, no anonymous namespace, clones kept short."""
    plain = subprocess.run(["c++filt", "--no-params"], input="\n".join(mangled_names) + "\n",
                           check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    plain = [name.replace("(anonymous namespace)::", "") for name in plain]
    return [re.sub(r" \[clone (\.[^\]]*)\]", r"\1", name)[:LONGEST_NAME] for name in plain]


def one_per_address(symbols):
    """Sorted (address, name): of several names at one address the global, then shortest one."""
    names = readable([mangled for _, _, mangled in symbols])
    best = {}
    for (address, kind, _), name in zip(symbols, names):
        rank = (kind.islower(), len(name), name)
        if address not in best or rank < best[address]:
            best[address] = rank
    return [(address, best[address][2]) for address in sorted(best)]


def assembler(symbols):
    """The table as assembler text."""
    offsets, name_offsets, names, position = [], [], [], 0
    for address, name in symbols:
        offsets.append(f"        .long {address - KERNEL_BASE:#x}\n")
        name_offsets.append(f"        .long {position}\n")
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        names.append(f'        .asciz "{quoted}"\n')
        position += len(name.encode()) + 1
    parts = [('kallsyms_count', [f"        .long {len(symbols)}\n"]), ('kallsyms_offsets', offsets),
             ('kallsyms_name_offsets', name_offsets), ('kallsyms_names', names)]
    text = '        .section .kallsyms, "a", @progbits\n        .balign 4\n'
    for label, lines in parts:
        text += f"        .globl {label}\n{label}:\n" + "".join(lines)
    return text + '        .section .note.GNU-stack, "", @progbits\n'


def verify(first, final):
    """Explains how the last two links differ in code addresses; None when they agree."""
    before = {(name, address) for address, _, name in text_symbols(first)}
    after = {(name, address) for address, _, name in text_symbols(final)}
    moved = sorted(before ^ after, key=lambda entry: entry[1])
    if not moved:
        return None
    name, address = moved[0]
    return (f"{final}: {len(moved)} code symbols differ between the last two links, first {name} at "
            f"{address:#x}: something in the linker script depends on the contents of .kallsyms")


def main(arguments):
    if arguments[:1] == ["empty"] and len(arguments) == 2:
        symbols, out = [], arguments[1]
    elif arguments[:1] == ["table"] and len(arguments) == 3:
        symbols, out = one_per_address(text_symbols(arguments[1])), arguments[2]
    elif arguments[:1] == ["verify"] and len(arguments) == 3:
        return verify(arguments[1], arguments[2])
    else:
        return __doc__
    with open(out, "w", encoding="utf-8") as file:
        file.write(assembler(symbols))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
