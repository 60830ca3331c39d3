"""Fixtures and hooks of machines.py, for the tests here."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "system")]
from machines import boot, built, pytest_configure, pytest_runtest_makereport  # noqa: E402,F401
