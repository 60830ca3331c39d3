"""Who is to blame: the three ways in which a run can end badly.

GuestFault is the submission's doing and is judged. InfrastructureFault is ours (a dead emulator, a
missing tool); only this is ever rerun. AgentError is an errno that the guest answered.
"""

from __future__ import annotations

import errno
import os


class GraderError(Exception):
    """Base of everything the grader raises on purpose."""


class InfrastructureFault(GraderError):
    """The emulator, the host or the grader failed; says nothing about the submission."""


class GuestFault(GraderError):
    """The guest did something that no correct system does."""


class GuestTimeout(GuestFault):
    """A limit in guest time has passed."""


class MachineStopped(GuestFault):
    """The machine ended while something was still expected of it; see `exit` (machine.Exit)."""

    def __init__(self, message: str, exit_=None):
        super().__init__(message)
        self.exit = exit_


class AgentRestarted(GuestFault):
    """The agent has a new session: the guest was reset or the agent died."""


class AgentError(GraderError):
    """The guest's answer was an errno."""

    def __init__(self, number: int, what: str):
        name = errno.errorcode.get(number, str(number))
        super().__init__(f"{what}: {name} ({os.strerror(number)})")
        self.errno = number
