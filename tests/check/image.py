"""Rules that only the built kernel can show: what was included, and what is in the image.

Each function takes the build folder (build/kernel) and returns (problems, warnings).
"""
import pathlib
import re
import subprocess

MAX_IMAGE = 4 << 20
# Debian's libstdc++ reaches a few libc headers that define types but no harmful macro: <string_view>
# wants wchar.h. They were read one by one; anything beyond them fails.
HARMLESS_LIBC = re.compile(r"/usr/include/(?:x86_64-linux-gnu/)?(?:wchar\.h|features\.h|features-time64\.h|"
                           r"stdc-predef\.h|sys/cdefs\.h|gnu/stubs(?:-64)?\.h|bits/(?:wordsize|long-double|"
                           r"libc-header-start|floatn|floatn-common|wchar|timesize|types/[\w]+)\.h)")
COMPILER_HEADERS = re.compile(r"/usr/include/(?:x86_64-linux-gnu/)?c\+\+/|/usr/lib/gcc/")
# State is saved and set by these, which name no vector register: the kernel needs them for tasks.
FPU_STATE = re.compile(r"(?:fxsave|fxrstor)(?:64)?$|fninit$|fnclex$|fwait$|fldcw$|fnstcw$|fnstsw$")
VECTOR_OPERAND = re.compile(r"%(?:[xyz]mm\d+|mm[0-7]|st\b|k[0-7]\b)")
# Their absence makes a forbidden construct fail to link; so nobody may define them.
FORBIDDEN = re.compile(r"_Zn[wa]m.*|__cxa_atexit|__cxa_guard_.*|__cxa_throw|__gxx_personality_v0|__dso_handle")


def output_of(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def objects(build):
    """What the kernel was linked from; objects of sources that are gone may still lie beside them."""
    found = sorted(pathlib.Path(build, "obj").rglob("*.o"))
    listed = pathlib.Path(build, ".objects")
    if not listed.exists():
        return found
    names = {name.rpartition("/obj/")[2] for name in listed.read_text(encoding="utf-8").split()}
    return [path for path in found if str(path.relative_to(pathlib.Path(build, "obj"))) in names]


def libc_headers(build):
    """No header of the C library is part of any compilation."""
    found = []
    dependency_files = sorted(pathlib.Path(build, "obj").rglob("*.d"))
    for path in dependency_files:
        for header in re.findall(r"/usr/\S+?(?=\s|:|$)", path.read_text()):
            if not COMPILER_HEADERS.match(header) and not HARMLESS_LIBC.fullmatch(header):
                found.append(f"{path.relative_to(build)}: includes {header}")
    if not dependency_files:
        found.append(f"{build}: no dependency files: was the kernel built here?")
    return found, []


def constructors(build):
    """Nothing wants to run before kernel_main(): no object has .init_array, .ctors or the like."""
    found = []
    for path in objects(build):
        for name, size in re.findall(r"^\s*\d+ (\.(?:init_array|fini_array|ctors|dtors)\S*)\s+([0-9a-f]+)",
                                     output_of("objdump", "-h", path), re.M):
            if int(size, 16):
                found.append(f"{path.relative_to(build)}: has {name}: a global needs code to start; constinit?")
    return found, []


def vectors(build):
    """No vector or x87 instruction: the kernel would destroy the registers of the program it serves."""
    found, function = [], "?"
    for line in output_of("objdump", "-d", "--no-show-raw-insn", pathlib.Path(build, "vitrine.elf")).splitlines():
        label = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        if label:
            function = label[1]
            continue
        instruction = re.match(r"\s*[0-9a-f]+:\s+(\S+)\s*(.*)", line)
        if not instruction:
            continue
        mnemonic, operands = instruction.groups()
        is_x87 = mnemonic.startswith("f") or mnemonic == "emms"
        if (is_x87 and not FPU_STATE.match(mnemonic)) or VECTOR_OPERAND.search(operands.split("#")[0]):
            found.append(f"vitrine.elf: {function}: {mnemonic} {operands}")
    return found[:20], []


def symbols(build):
    """Nothing is left undefined and nobody defines what must be missing. A weak reference to what
    does not exist links silently to address 0, so the objects are asked, not the image."""
    defined = {line.split()[-1] for line in output_of("nm", "--defined-only",
                                                      pathlib.Path(build, "vitrine.elf")).splitlines()}
    found = [f"vitrine.elf: defines {name}, which is left out so that its use does not link"
             for name in sorted(defined) if FORBIDDEN.fullmatch(name)]
    for path in objects(build):
        for line in output_of("nm", "--undefined-only", path).splitlines():
            name = line.split()[-1]
            if name not in defined:
                found.append(f"{path.relative_to(build)}: {name} is undefined: a call would jump to address 0")
    return found, []


def segments(build):
    """No segment is writable and executable; the image is small; the stripped copy is stripped."""
    found = []
    for name in ("vitrine.elf", "vitrine.img.elf"):
        path = pathlib.Path(build, name)
        for flags in re.findall(r"^  LOAD\s+(?:0x\S+\s+){5}([RWE ]{3})", output_of("readelf", "-lW", path), re.M):
            if "W" in flags and "E" in flags:
                found.append(f"{name}: a segment is writable and executable")
        sections = output_of("readelf", "-SW", path)
        for section in re.findall(r"\] (\S+)\s+\S+\s+(?:[0-9a-f]+\s+){4}WAX", sections):
            found.append(f"{name}: section {section} is writable and executable")
    size = pathlib.Path(build, "vitrine.img.elf").stat().st_size
    if size >= MAX_IMAGE:
        found.append(f"vitrine.img.elf: {size} bytes; the budget is {MAX_IMAGE}")
    return found, []
