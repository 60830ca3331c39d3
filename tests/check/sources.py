"""Rules that the text of the sources must keep: headers, sizes, braces, TODOs, READMEs, format.

Each function takes the root of a checkout and returns (problems, warnings), lists of lines
"file:line: what is wrong".
"""
import pathlib
import re
import subprocess

import cxx

STD_HEADERS = set("""atomic bit concepts type_traits compare utility span array optional tuple limits new
    initializer_list string_view cstdint cstddef""".split())
MAX_FILE, MAX_FUNCTION, MAX_PARAMETERS, MAX_NESTING, MAX_FOLDER, MAX_README = 500, 60, 5, 3, 20, 60
CODE = (".cc", ".h", ".c", ".S")
TEXT = CODE + (".py", ".mk", ".sh", ".ld")
TOPS = ("src", "userland", "tests", "mkfs", "grader", "labs", "handouts")


def files(root, suffixes, tops=TOPS):
    root = pathlib.Path(root)
    return sorted(path for top in tops for path in (root / top).rglob("*")
                  if path.suffix in suffixes and path.is_file() and "vendor" not in path.parts)


def lines_of(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def is_host_only(path):
    return path.read_text(errors="replace").startswith("// host-only")


def headers(root):
    """<...> in kernel sources: only the freestanding part of the library that STYLE 7.2 allows."""
    found = []
    for path in files(root, (".cc", ".h"), ("src",)):
        if path.name == "freestanding.h" or is_host_only(path):
            continue
        for number, line in enumerate(lines_of(path), 1):
            match = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if match and match[1] not in STD_HEADERS:
                found.append(f"{path}:{number}: <{match[1]}> is not among the allowed headers")
    return found, []


def sizes(root):
    """Budgets of files, functions, parameters, nesting and folders. Tables are no functions."""
    found, warned = [], []
    for path in files(root, TEXT):
        count = len(lines_of(path))
        if count > MAX_FILE:
            found.append(f"{path}:1: {count} lines; a file has at most {MAX_FILE}")
    for path in files(root, (".cc", ".h", ".c"), ("src", "userland", "tests")):
        for function in cxx.functions(path.read_text(errors="replace")):
            where = f"{path}:{function.line}: {function.name}()"
            if function.lines > MAX_FUNCTION:
                found.append(f"{where} has {function.lines} lines; at most {MAX_FUNCTION}")
            allowed = 6 if function.name.startswith("sys_") else MAX_PARAMETERS  # what registers carry
            if function.parameters > allowed:
                warned.append(f"{where} takes {function.parameters} parameters; better {MAX_PARAMETERS}")
            if function.nesting > MAX_NESTING:
                warned.append(f"{where} nests {function.nesting} deep; better {MAX_NESTING}")
    for folder in sorted({path.parent for path in files(root, CODE, ("src",))}):
        count = len([path for path in folder.iterdir()
                     if path.suffix in CODE and not path.stem.endswith("_test")])
        if count > MAX_FOLDER:
            warned.append(f"{folder}: {count} files; more than {MAX_FOLDER} are two ideas")
    return found, warned


def braces(root):
    """A body is braced, or the whole statement stands on one line."""
    found = [f"{path}:{line}: braces, or the whole statement on one line"
             for path in files(root, (".cc", ".h", ".c"), ("src", "userland", "tests"))
             for line in cxx.unbraced(path.read_text(errors="replace"))]
    return found, []


def todos(root):
    """Open ends carry the number of an issue: TODO(#12)."""
    found = []
    for path in files(root, TEXT):
        if path.parent.name == "check" and path.parent.parent.name == "tests":
            continue  # the checkers and their tests speak about the word
        for number, line in enumerate(lines_of(path), 1):
            if re.search(r"\b(?:TODO\b(?!\(#\d+\))|FIXME\b|XXX\b)", line):
                found.append(f"{path}:{number}: write TODO(#number)")
    return found, []


def readmes(root):
    """Each folder of the kernel explains itself, in at most 60 lines."""
    found = []
    for folder in sorted({path.parent for path in files(root, CODE, ("src",))}):
        readme = folder / "README.md"
        if not readme.is_file():
            found.append(f"{folder}: no README.md")
        elif len(lines_of(readme)) > MAX_README:
            found.append(f"{readme}:1: {len(lines_of(readme))} lines; at most {MAX_README}")
    return found, []


def formatted(root):
    """clang-format 14 leaves every C and C++ file as it is."""
    paths = files(root, (".cc", ".h", ".c"), ("src", "userland", "tests"))
    halves = [half for half in (paths[::2], paths[1::2]) if half]
    running = [subprocess.Popen(["clang-format-14", "--dry-run", "--ferror-limit=1", *half], cwd=root,
                                stderr=subprocess.PIPE, text=True) for half in halves]
    found = []
    for process in running:
        complaints = process.communicate()[1]
        found += [f"{match[1]}: not formatted: clang-format-14 -i {match[1].split(':')[0]}"
                  for match in re.finditer(r"^(\S+:\d+):\d+: (?:warning|error): code should be", complaints, re.M)]
        if process.returncode and not found:
            found.append(f"clang-format-14 failed: {complaints.strip()[:300]}")
    return sorted(set(found)), []
