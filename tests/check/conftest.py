"""The checkers import each other by name, as they do when check.py runs them; so do their tests."""
import pathlib
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("tests/check", "tests", "mkfs", "src")]

from standin_tree import Tree  # noqa: E402 (needs the path above)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)
