"""What the tests of lab 05-slab share.

On Bochs run one or two tests of each task, the broadest: a boot there takes longer than most tests, and what the others
ask does not depend on the machine.
"""

from __future__ import annotations

import pytest
from caches import Bench

from vitrine_grader.caller import DirectProbes


@pytest.fixture
def direct(boot, symbols):
    """Probes called from outside at the entry of kernel_main(). QEMU only."""
    return DirectProbes(boot(paused=True, mem=64), symbols)


@pytest.fixture
def bench(boot):
    """Caches in a booted machine with one processor."""
    return Bench(boot(mem=96))


@pytest.fixture
def two(boot):
    """The same with two processors."""
    return Bench(boot(mem=96, smp=2))
