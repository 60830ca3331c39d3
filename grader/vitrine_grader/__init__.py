"""Vitrine's grader: drives emulators, talks to the guest's agent, judges on the host only."""

__version__ = "0.1.0"
