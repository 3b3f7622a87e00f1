"""`--tasks`: the user's own code, run because they asked for it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from flowsm.cli.output import talk
from flowsm.errors import FlowsmError, NotFound, UsageError
from flowsm.tasks.factory import TaskFactory, default_registry

__all__ = ["load_tasks"]


def load_tasks(sources: Iterable[str] | None) -> TaskFactory:
    """The default registry, with what installed distributions offer and what these modules or files register.

    Raises:
        NotFound: there is no such module or file.
        UsageError: its code raises.
    """
    registry = default_registry()
    registry.load_entry_points()
    for source in sources or ():
        before = set(registry.types())
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for data
            known = _load(source)
        if not known and before == set(registry.types()):
            talk(f'flowsm: {source} registers no task type: write @task("name") above a function')
    return registry


def _load(source: str) -> bool:
    """Run the code, once per process; returns whether it was run before."""
    if source.endswith(".py") or "/" in source or "\\" in source:
        return _load_file(source, Path(source))
    known = source in sys.modules
    _search(Path.cwd())
    try:
        importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not (source == error.name or source.startswith(error.name + ".")):
            raise _broken(source, error) from error
        hint = f"; for a file write {source}.py" if Path(f"{source}.py").exists() else ""
        raise NotFound(f"there is no module {source!r}{hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _broken(source, error) from error
    return known


def _load_file(source: str, path: Path) -> bool:
    if not path.is_file():
        raise NotFound(f"there is no tasks file {source!r}")
    path = path.resolve()
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return True
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{source} is not a Python file: expected a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _search(path.parent)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        del sys.modules[name]
        raise _broken(source, error) from error
    return False


def _search(folder: Path) -> None:
    """Let the code import its neighbours, as a script could."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _broken(source: str, error: BaseException) -> UsageError:
    """A sentence with the file and line of the user's code that raised, not of those that it called."""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}, line {error.lineno}"
        return UsageError(f"--tasks {source}: {place}: {type(error).__name__}: {error.msg}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _ours(frame.filename)]
    own = [frame for frame in frames if Path(frame.filename).stem == Path(source).stem] or frames
    place = f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""
    said = str(error) if isinstance(error, FlowsmError) else f"{type(error).__name__}: {error}"
    return UsageError(f"--tasks {source}: {place}{said}")


def _ours(filename: str) -> bool:
    return filename.startswith("<frozen") or filename in {__file__, importlib.__file__}
