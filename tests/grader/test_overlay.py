"""What a nasty submission can hold, and that each thing is named and the rest still taken."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from vitrine_grader import lab as labs
from vitrine_grader import overlay
from vitrine_grader.overlay import MAX_FILE, Unusable, read_untrusted

REFERENCE = b"#ifdef SOLVED_TINY\nint x;\n#endif\n"
FILES = ("src/core/a.cc", "src/core/b.cc", "src/c.h")


@pytest.fixture
def lab(tmp_path) -> labs.Lab:
    folder = tmp_path / "labs/01-tiny"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text(f'title = "Tiny"\nnumber = 1\nfiles = {list(FILES)!r}\n'.replace("'", '"'))
    return labs.load(folder)


def fill(root: pathlib.Path, text: bytes) -> pathlib.Path:
    for file in (*FILES, "src/other.cc"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(text)
    return root


@pytest.fixture
def tree(tmp_path) -> pathlib.Path:
    return fill(tmp_path / "tree", REFERENCE)


@pytest.fixture
def submission(tmp_path) -> pathlib.Path:
    root = fill(tmp_path / "submission", b"int theirs;\n")
    (root / "src/other.cc").write_bytes(REFERENCE)
    return root


def test_takes_only_the_labs_files(lab, tree, submission):
    (submission / "src/other.cc").write_text("int hacked;")
    (submission / "src/new.cc").write_text("int new_one;")
    (submission / "Makefile").write_text("all:; rm -rf /")
    result, changed = overlay.apply(lab, submission, tree)
    assert sorted(changed) == sorted(FILES) and sorted(result.taken) == sorted(FILES)
    assert (tree / "src/other.cc").read_bytes() == REFERENCE and not (tree / "src/new.cc").exists()
    assert not (tree / "Makefile").exists()
    assert result.extra == ["src/new.cc", "src/other.cc"]


def test_equal_files_keep_their_time(lab, tree, submission):
    fill(submission, REFERENCE)
    before = (tree / FILES[0]).stat().st_mtime_ns
    _, changed = overlay.apply(lab, submission, tree)
    assert changed == [] and (tree / FILES[0]).stat().st_mtime_ns == before


def _symlink(path):
    path.symlink_to("/etc/passwd")


def _dangling(path):
    path.symlink_to("/nonexistent")


def _huge(path):
    with open(path, "wb") as file:
        file.truncate(MAX_FILE * 5000)  # sparse: 5 GB


NASTY = {
    "symlink": (_symlink, "symbolic link"),
    "dangling": (_dangling, "symbolic link"),
    "folder": (lambda path: path.mkdir(), "folder"),
    "fifo": (os.mkfifo, "regular"),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "regular"),
    "binary": (lambda path: path.write_bytes(b"\x7fELF\0\1"), "binary"),
    "latin1": (lambda path: path.write_bytes(b"int \xe4;"), "UTF-8"),
    "huge": (_huge, "too large"),
    "missing": (lambda path: None, "missing"),
}


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.timeout(5)
def test_nasty_file_is_named_and_the_rest_taken(lab, tree, submission, kind):
    make, word = NASTY[kind]
    bad = submission / FILES[0]
    bad.unlink()
    make(bad)
    result, _ = overlay.apply(lab, submission, tree)
    assert list(result.replaced) == [FILES[0]] and word in result.replaced[FILES[0]]
    assert any(FILES[0] in note and word in note for note in result.notes())
    assert (tree / FILES[1]).read_bytes() == b"int theirs;\n"
    assert (tree / FILES[0]).read_bytes().startswith(b"#undef SOLVED_TINY\n")


def test_device_does_not_hang(lab, tree, submission):
    bad = submission / FILES[0]
    bad.unlink()
    try:
        os.mknod(bad, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices need root")
    with pytest.raises(Unusable, match="regular"):
        read_untrusted(submission, FILES[0])


def test_symlinked_folder_is_not_followed(lab, tree, submission, tmp_path):
    (submission / "src/core").rename(tmp_path / "elsewhere")
    (submission / "src/core").symlink_to(tmp_path / "elsewhere")
    result, _ = overlay.apply(lab, submission, tree)
    assert set(result.replaced) == set(FILES[:2]) and "link" in result.replaced[FILES[0]]
    assert "src/core" in result.extra


def test_unreadable(lab, tmp_path, submission):
    script = "import sys; sys.path.insert(0, sys.argv[1]); from vitrine_grader.overlay import *\n"
    script += "import pathlib\ntry: read_untrusted(pathlib.Path(sys.argv[2]), 'src/core/a.cc')\n"
    script += "except Unusable as why: print(why)"
    (submission / FILES[0]).chmod(0)
    # Whoever reads it as another user may not reach the project's own folder (a clone in /root).
    package = tmp_path / "package"
    shutil.copytree(pathlib.Path(overlay.__file__).parent, package / "vitrine_grader")
    for path in (submission, *submission.parents):
        if os.access(path, os.W_OK) and path != pathlib.Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    command = ["/usr/bin/python3", "-B", "-c", script, str(package), str(submission)]
    if os.getuid() == 0:
        command = ["setpriv", "--reuid", "65534", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "unreadable" in done.stdout, done.stderr


def test_empty_file_is_taken(lab, tree, submission):
    (submission / FILES[0]).write_bytes(b"")
    result, _ = overlay.apply(lab, submission, tree)
    assert FILES[0] in result.taken and (tree / FILES[0]).read_bytes() == b""


@pytest.mark.parametrize(
    "text", ['title = "x"', 'files = ["/etc/passwd"]', 'files = ["src/../x"]', 'files = ["src/a"]\nfile = 1', "]["]
)
def test_bad_lab_toml_is_refused(tmp_path, text):
    (tmp_path / "lab.toml").write_text(text)
    with pytest.raises(labs.LabError):
        labs.load(tmp_path)
