"""The words of the debugger's line mode: those of gdb and rr, and what they are short for."""

from __future__ import annotations

import difflib
from typing import Final

from flowsm.errors import UsageError

__all__ = ["INFO", "MOTIONS", "WORDS", "word_of"]

WORDS: Final = {
    "step": ("step [N]", "one event on"),
    "reverse-step": ("reverse-step [N]", "one event back"),
    "next": ("next [N]", "on to the end of an attempt: the present one, or the next"),
    "reverse-next": ("reverse-next [N]", "back to the beginning of an attempt: the present one, or the one before"),
    "continue": ("continue", "on to a breakpoint, a watch that changes, or the end"),
    "reverse-continue": ("reverse-continue", "back to one of them, or the beginning"),
    "finish": ("finish", "on to the transition that leaves the present task"),
    "goto": ("goto SEQ", "to an event; 0 is before the first"),
    "when": ("when", "which event this is"),
    "break": ("break task NAME | type TYPE | outcome WORD", "stop there; * and ? stand for anything"),
    "watch": ("watch PATH", "stop where the value changes: watch results.fetch.data.total"),
    "delete": ("delete [NUMBER]", "forget a breakpoint or a watch, or all"),
    "print": ("print [PATH]", "the value there, as JSON; the whole state without a path"),
    "info": ("info state | tasks | timers | break", "what is known here"),
    "list": ("list", "the flow around here"),
    "where": ("where", "the path so far, with reasons"),
    "diff": ("diff A [B]", "what changed from event A to B, by default to this one"),
    "explain": ("explain", "why it stands here"),
    "fork": ("fork [OPTIONS]", "the command that forks the execution here"),
    "help": ("help", "these words"),
    "quit": ("quit", "leave; so does Ctrl-D"),
}
"""Each word, in the order of the help: how it is used, and what it does."""

MOTIONS: Final = frozenset({"step", "reverse-step", "next", "reverse-next", "continue", "reverse-continue", "finish"})
"""An empty line repeats the last one of these."""

INFO: Final = ("state", "tasks", "timers", "break")
"""What `info` tells of."""

_SHORT: Final = {
    "s": "step",
    "rs": "reverse-step",
    "n": "next",
    "rn": "reverse-next",
    "c": "continue",
    "rc": "reverse-continue",
    "b": "break",
    "d": "delete",
    "p": "print",
    "i": "info",
    "l": "list",
    "bt": "where",
    "h": "help",
    "q": "quit",
}


def word_of(text: str, known: tuple[str, ...] = tuple(WORDS)) -> str:
    """The word that was meant: itself, what it is short for, or the only one that begins so.

    Raises:
        UsageError: it is none, or short for several.
    """
    if text in known:
        return text
    if _SHORT.get(text) in known:
        return _SHORT[text]
    begun = [word for word in known if word.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UsageError(f"{text!r} is short for several: {', '.join(begun)}")
    near = difflib.get_close_matches(text, known, n=1)
    raise UsageError(f"unknown word {text!r}: " + (f"did you mean {near[0]!r}?" if near else "`help` lists them"))
