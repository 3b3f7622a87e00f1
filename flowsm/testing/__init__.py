"""What users and stores test with."""

from __future__ import annotations

from flowsm.events.commands import Cancel, Pause, Redrive, Resolve, Resume, Signal
from flowsm.testing.clock import ManualClock
from flowsm.testing.crashing import crash_everywhere
from flowsm.testing.outcomes import INTERRUPTED, NOT_DONE, TIMES_OUT, After, Fails, Pass, Stop
from flowsm.testing.rehearsal import Rehearsal
from flowsm.testing.script import Unscripted
from flowsm.testing.tester import FlowTester

__all__ = [
    "INTERRUPTED",
    "NOT_DONE",
    "TIMES_OUT",
    "After",
    "Cancel",
    "Fails",
    "FlowTester",
    "ManualClock",
    "Pass",
    "Pause",
    "Redrive",
    "Rehearsal",
    "Resolve",
    "Resume",
    "Signal",
    "Stop",
    "Unscripted",
    "crash_everywhere",
]
