"""The command line's commands, each loaded when it is called, and the one place where errors become exit codes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError, UnusedCliTokensError

from flowsm import __version__
from flowsm.cli.exit_codes import FINE, INTERRUPTED, USAGE, exit_code_of
from flowsm.errors import FlowsmError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: Final = {
    "init": ("flowsm.cli.init:init", "Write a sample flow, its tasks and its data into a folder."),
    "validate": ("flowsm.cli.validate:validate", "Check a flow document: every error and warning at once."),
    "graph": ("flowsm.cli.graph:graph", "Draw a flow, or an execution coloured by what happened."),
    "run": ("flowsm.cli.run:run", "Run a flow to its end, or go on with an execution that was interrupted."),
    "worker": ("flowsm.cli.worker:worker", "Take up and drive whatever is due, until it is told to stop."),
    "serve": ("flowsm.cli.serve:serve", "Serve the log over HTTP, and drive whatever is due in it."),
    "ls": ("flowsm.cli.ls:ls", "List executions, the newest first."),
    "top": ("flowsm.cli.top:top", "Watch all executions, live, and open them in the debugger."),
    "show": ("flowsm.cli.show:show", "Show one execution: status, path, results."),
    "events": ("flowsm.cli.events:events", "Print the recorded events of an execution."),
    "history": ("flowsm.cli.history:history", "Print every attempt of every task of an execution."),
    "explain": ("flowsm.cli.explain:explain", "Say why an execution went where it went, or what it waits for."),
    "timeline": ("flowsm.cli.replay:timeline", "Print what happened, an attempt being one line."),
    "state": ("flowsm.cli.replay:state", "Print the whole state after any event, as JSON."),
    "diff": ("flowsm.cli.replay:diff", "Print what changed between two events, or in what two executions differ."),
    "debug": ("flowsm.cli.debug:debug", "Go through an execution event by event, forth and back."),
    "whatif": ("flowsm.cli.rehearse:whatif", "Send every recorded history through another version of its flow."),
    "upgrade": ("flowsm.cli.upgrade:upgrade", "Let executions go on with another version, if that is safe."),
    "coverage": ("flowsm.cli.coverage:coverage", "Count how often each way through a flow was taken, and which never."),
    "testgen": ("flowsm.cli.testgen:generate", "Print a test that takes a flow through what was recorded."),
    "follow": ("flowsm.cli.follow:follow", "Print events as they are recorded; go on where it was, when begun again."),
    "subscriptions": ("flowsm.cli.follow:subscriptions", "List who follows the log, and how far each has come."),
    "summary": ("flowsm.cli.summary:summary", "Count executions and outcomes."),
    "signal": ("flowsm.cli.operate:signal", "Tell an execution something that it waits for, or will."),
    "cancel": ("flowsm.cli.operate:cancel", "End an execution; the flow's on_cancel task cleans up."),
    "pause": ("flowsm.cli.operate:pause", "Stop an execution before its next task, or at once."),
    "resume": ("flowsm.cli.operate:resume", "Let a paused execution go on."),
    "retry": ("flowsm.cli.operate:retry", "Let a failed execution go on from the task that failed."),
    "redrive": ("flowsm.cli.operate:retry", "The same as retry."),
    "fork": ("flowsm.cli.fork:fork", "Begin a new execution as another one did, and go on by itself."),
    "forks": ("flowsm.cli.fork:forks", "Show the tree of forks that an execution is in."),
    "resolve": ("flowsm.cli.operate:resolve", "Say what became of an attempt that a crash interrupted."),
    "remove": ("flowsm.cli.remove:remove", "Take an ended execution out of the lists; its history stays."),
    "verify": ("flowsm.cli.verify:verify", "Check the log: chain, transitions, and the rows derived from it."),
    "rebuild": ("flowsm.cli.rebuild:rebuild", "Derive every row anew from the events."),
    "doctor": ("flowsm.cli.doctor:doctor", "Examine the log: the file, the events, what is stuck and why."),
    "anchor": ("flowsm.cli.anchor:anchor", "Note the digests of all streams, to keep elsewhere."),
    "backup": ("flowsm.cli.backup:backup", "Copy the log while it is in use."),
    "archive": ("flowsm.cli.archive:archive", "Move executions that ended long ago to a file."),
    "export": ("flowsm.cli.export:export", "Write one execution to a file that can be looked at anywhere."),
    "import": ("flowsm.cli.import_:import_", "Bring the executions of an archive, or an export, into a log."),
    "schema": ("flowsm.cli.schema:schema", "Print a schema: of flows, of events, or the log's SQL."),
}
"""Each command, in the order of the help: where its function is, and its promise."""

app: Final = App(
    name="flowsm",
    help="Run flows written as data; keep every event in one SQLite file.",
    version=f"flowsm {__version__}",
    help_format="plaintext",  # Markdown's renderer doubles the cost of --help
    default_parameter=Parameter(negative=()),
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `main` gives the exit code
)
for _place, (_name, (_target, _help)) in enumerate(COMMANDS.items()):
    app.command(_target, name=_name, help=_help, sort_key=_place)
app.register_install_completion_command(help="Install completion for the shell in use.", sort_key=len(COMMANDS))


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code. What the user did wrong becomes a sentence on stderr."""
    try:
        code = app(list(argv), exit_on_error=False, print_error=False)
    except UnknownCommandError:
        _say(f"flowsm: {_unknown(argv)}\nflowsm: see `flowsm --help`")
        return USAGE
    except UnusedCliTokensError as error:
        extra = " ".join(error.unused_tokens or ())
        _say(f"flowsm: {extra!r} is more than the command takes\nflowsm: see `{_help_of(argv)}`")
        return USAGE
    except CycloptsError as error:
        _say(f"flowsm: {error}\nflowsm: see `{_help_of(argv)}`")
        return USAGE
    except FlowsmError as error:
        _say(f"flowsm: {error}")
        return exit_code_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else FINE


def _say(text: str) -> None:
    from flowsm.cli.output import talk  # noqa: PLC0415 - `--help` does without

    talk(text)


def _unknown(argv: Sequence[str]) -> str:
    """What is said instead of Cyclopts' own words, which load every command to find a near one."""
    word = next((word for word in argv if word not in COMMANDS), "")
    if word.startswith("-"):
        return f"unknown option {word}"
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    return f"unknown command {word!r}" + (f": did you mean {near[0]!r}?" if near else "")


def _help_of(argv: Sequence[str]) -> str:
    command = argv[0] if argv and argv[0] in COMMANDS else ""
    return f"flowsm {command} --help".replace("  ", " ")
