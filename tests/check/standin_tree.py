"""A small source tree with the stand-in kernel: it builds and boots, so violations can be planted in it."""
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


class Tree:
    """A small source tree whose kernel builds and boots, to plant violations in."""

    def __init__(self, root):
        self.root, self.src, self.build = root, root / "src", root / "build/kernel"
        shutil.copytree(HERE / "standin", self.src)
        shutil.copy(REPOSITORY / ".clang-format", root)
        (self.src / "lib").mkdir()
        shutil.copy(REPOSITORY / "src/lib/freestanding.h", self.src / "lib")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def make(self, *arguments):
        """Runs src/kernel.mk of the real tree on this one; (exit code, output)."""
        done = subprocess.run(
            ["make", "--no-print-directory", "-f", REPOSITORY / "src/kernel.mk", f"SRC={self.src}",
             f"OUT={self.build}", *arguments],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def built(self, *arguments):
        code, output = self.make(*arguments)
        assert code == 0, output
        return self.build
