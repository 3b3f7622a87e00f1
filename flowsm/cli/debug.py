"""`flowsm debug`: through an execution event by event, forth and back."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.debug_session import DebugSession
from flowsm.cli.debug_words import WORDS
from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.opening import ask_about
from flowsm.cli.options import DEFAULT_DB, Db, ExecutionOrFile, go_on_options
from flowsm.cli.output import print_text, safe, talk
from flowsm.cli.terminal import need_terminal
from flowsm.errors import FlowsmError, UsageError
from flowsm.manager import FlowManager
from flowsm.replay.debugger import Debugger
from flowsm.tui.hints import Hints
from flowsm.tui.run import debug_full_screen

__all__ = ["debug"]

_COMMENT = "#"


def debug(
    execution: ExecutionOrFile,
    /,
    *,
    seq: Annotated[
        int | None,
        Parameter(help="Begin after the event with this seq, by default before the first; --full-screen: at the last."),
    ] = None,
    command: Annotated[
        list[str] | None, Parameter(name=["-ex", "--ex"], help="A word to begin with; may be given many times.")
    ] = None,
    batch: Annotated[bool, Parameter(help="Leave after the -ex words; exit 1 when one of them fails.")] = False,
    full_screen: Annotated[
        bool, Parameter(help="Fill the terminal: machine, events and state side by side, keys instead of words.")
    ] = False,
    db: Db = DEFAULT_DB,
) -> int:
    """Go through an execution event by event, forth and back, with the words of gdb; `help` lists them.

    Nothing is executed and nothing is written. Words are read from a pipe as well: one that fails ends it then.
    """
    if full_screen:
        return _fill_screen(execution, seq, db, words=bool(batch or command))

    async def session(manager: FlowManager, found: str) -> int:
        history = await manager.browse(found)
        talks = sys.stdin.isatty() and not batch
        session = DebugSession(Debugger(history, seq or 0), go_on_options(None, db))
        if talks:
            print_text(
                safe(f"{history.machine.flow.name} ({history.machine.flow.id}), execution {history.stream}: ")
                + f"{history.last} events; nothing is executed here. `help` lists the words."
            )
        with _interrupts():
            if not _run(session, command or ()):
                return FAILED
            if batch or session.is_over:
                return FINE
            if talks:
                await _talk(manager, session)
                return FINE
            return FINE if _run(session, _piped()) else FAILED

    return ask_about(execution, db, session)


def _fill_screen(execution: str, seq: int | None, db: Path, *, words: bool) -> int:
    if words:
        raise UsageError("--full-screen takes keys: leave out -ex and --batch, or --full-screen")
    need_terminal("flowsm debug --full-screen", "flowsm debug with -ex, or a pipe")
    hints = Hints(options=tuple(go_on_options(None, db)))

    async def look(manager: FlowManager, found: str) -> int:
        return await debug_full_screen(manager, found, seq=seq, hints=hints)

    return ask_about(execution, db, look)


def _run(session: DebugSession, lines: Iterable[str]) -> bool:
    """Do one line after the other; False when one fails, which ends it."""
    for line in lines:
        try:
            session.do(line)
        except FlowsmError as error:
            talk(f"flowsm: {line.strip()}: {error}")
            return False
        if session.is_over:
            break
    return True


def _piped() -> Iterator[str]:
    """The lines of stdin that say something."""
    for line in sys.stdin:
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            yield line


async def _talk(manager: FlowManager, session: DebugSession) -> None:
    """Read lines from the person, until they leave; what fails is said, and the next line asked for."""
    _prepare(session)
    while not session.is_over:
        debugger = session.debugger
        try:
            last = await manager.refresh(debugger.history)
        except FlowsmError as error:  # what was read can still be looked at
            talk(str(error))
            last = debugger.history.last
        try:
            line = input(f"({debugger.seq}/{last}) ")  # noqa: ASYNC250 - nothing else is done on this loop
            session.do(line)
        except EOFError:
            print_text("")
            return
        except KeyboardInterrupt:
            print_text("")
        except FlowsmError as error:
            talk(str(error))


def _prepare(session: DebugSession) -> None:
    """Let the words, the flow's tasks and the paths to their results be completed by Tab; lines are kept by ↑."""
    try:
        import readline  # noqa: PLC0415 - not every Python has it, and it changes how all input is read
    except ImportError:  # pragma: no cover - as above
        return
    tasks = list(session.debugger.history.machine.tasks)
    names = [*WORDS, *tasks, *(f"results.{task}" for task in tasks)]

    def complete(text: str, number: int) -> str | None:
        fitting = [name for name in names if name.startswith(text)]
        return fitting[number] if number < len(fitting) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")


@contextmanager
def _interrupts() -> Iterator[None]:
    """Let Ctrl-C end what is done now, not the loop around it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
