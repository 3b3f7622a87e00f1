"""A session of the debugger's line mode: one line after the other does what it says."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from flowsm.cli import debug_views as views
from flowsm.cli.debug_words import INFO, MOTIONS, WORDS, word_of
from flowsm.cli.explain import print_explanation
from flowsm.cli.output import print_text
from flowsm.cli.replay import print_changes
from flowsm.errors import UsageError
from flowsm.machine.changes.forks import fork_hindrance
from flowsm.replay.debugger import Debugger, Stop
from flowsm.replay.difference import between
from flowsm.replay.explain import explain
from flowsm.wording.stops import name_of

__all__ = ["DebugSession"]

_Motion = Callable[[Debugger], Stop]


class DebugSession:
    """Holds the debugger, and the motion that an empty line repeats.

    `options` are those with which another command finds the same log.
    """

    def __init__(self, debugger: Debugger, options: Sequence[str] = ()) -> None:
        self.debugger = debugger
        self._options = options
        self.is_over = False
        self._again = ""

    def do(self, line: str) -> None:
        """Do what a line says, and print what came of it; an empty one repeats the last motion.

        Raises:
            UsageError: it is not understood, or not possible here.
            FlowsmError: the log is not what was recorded.
        """
        first, _, rest = line.strip().partition(" ")
        if not first:
            if not self._again:
                return
            first, _, rest = self._again.partition(" ")
        word = word_of(first)
        if word == "quit":
            self.is_over = True
            return
        if word == "fork":
            self._fork(rest)
            return
        _HANDLERS[word](self.debugger, rest.strip())
        if word in MOTIONS:
            self._again = f"{word} {rest.strip()}"

    def _fork(self, rest: str) -> None:
        """Say how the execution is forked here: the debugger only looks."""
        debugger = self.debugger
        hindrance = fork_hindrance(debugger.history.state_at(debugger.seq))
        if hindrance:
            raise UsageError(f"nothing can be forked off here: {hindrance}")
        command = ["flowsm", "fork", debugger.history.stream, "--at", str(debugger.seq), *self._options]
        print_text(shlex.join(command) + (f" {rest.strip()}" if rest.strip() else ""))


# -- motions -------------------------------------------------------------------------------


def _move(motion: _Motion, debugger: Debugger, rest: str) -> None:
    """Make a motion so many times, or until it stops for another reason."""
    times = _number(rest, "how many times") if rest else 1
    stop = motion(debugger)
    for _ in range(times - 1):
        if stop.why != "arrived":
            break
        stop = motion(debugger)
    views.print_stop(debugger, stop)


def _run(motion: _Motion, debugger: Debugger, rest: str) -> None:
    _nothing(rest)
    views.print_stop(debugger, motion(debugger))


def _goto(debugger: Debugger, rest: str) -> None:
    views.print_stop(debugger, debugger.goto(_number(rest, "an event's seq")))


# -- what it stops at ----------------------------------------------------------------------


def _break(debugger: Debugger, rest: str) -> None:
    kind, _, pattern = rest.partition(" ")
    if not pattern.strip():
        raise UsageError(f"expected {WORDS['break'][0]}, found break {rest}".rstrip())
    made = debugger.add_break(word_of(kind, ("task", "type", "outcome")), _unquoted(pattern.strip()))
    print_text(name_of(made))


def _watch(debugger: Debugger, rest: str) -> None:
    print_text(name_of(debugger.add_watch(rest)))


def _delete(debugger: Debugger, rest: str) -> None:
    debugger.delete(_number(rest, "a breakpoint's number") if rest else None)


# -- what is here --------------------------------------------------------------------------


def _when(debugger: Debugger, rest: str) -> None:
    _nothing(rest)
    views.print_place(debugger)


def _print(debugger: Debugger, rest: str) -> None:
    views.print_value(debugger.look(rest))


def _info(debugger: Debugger, rest: str) -> None:
    if not rest:
        raise UsageError(f"expected {WORDS['info'][0]}")
    what = word_of(rest, INFO)
    if what == "state":
        views.print_state(debugger.state)
    else:
        {"tasks": views.print_tasks, "timers": views.print_timers, "break": views.print_breaks}[what](debugger)


def _list(debugger: Debugger, rest: str) -> None:
    _nothing(rest)
    views.print_flow(debugger)


def _where(debugger: Debugger, rest: str) -> None:
    _nothing(rest)
    views.print_route(debugger)


def _diff(debugger: Debugger, rest: str) -> None:
    first, _, second = rest.partition(" ")
    history = debugger.history
    later = _number(second, "an event's seq") if second else debugger.seq
    print_changes(between(history.state_at(_number(first, "an event's seq")), history.state_at(later)))


def _explain(debugger: Debugger, rest: str) -> None:
    _nothing(rest)
    print_explanation(explain(debugger.history, debugger.seq))


def _help(debugger: Debugger, rest: str) -> None:
    wide = max(len(usage) for usage, _ in WORDS.values())
    print_text("".join(f"{usage:<{wide}}  {what}\n" for usage, what in WORDS.values()))
    print_text("A word may be cut short (s, rs, n, rn, c, rc, b, p); an empty line repeats the last motion.")


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f"expected {what}, found {text!r}")
    return int(text)


def _nothing(rest: str) -> None:
    if rest:
        raise UsageError(f"{rest!r} is more than this takes")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


_HANDLERS: Final[dict[str, Callable[[Debugger, str], None]]] = {
    "step": partial(_move, Debugger.step),
    "reverse-step": partial(_move, Debugger.reverse_step),
    "next": partial(_move, Debugger.next),
    "reverse-next": partial(_move, Debugger.reverse_next),
    "continue": partial(_run, Debugger.continue_),
    "reverse-continue": partial(_run, Debugger.reverse_continue),
    "finish": partial(_run, Debugger.finish),
    "goto": _goto,
    "when": _when,
    "break": _break,
    "watch": _watch,
    "delete": _delete,
    "print": _print,
    "info": _info,
    "list": _list,
    "where": _where,
    "diff": _diff,
    "explain": _explain,
    "help": _help,
}
"""What each word does; `fork` and `quit` are the session's own."""
