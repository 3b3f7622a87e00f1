"""Rows in columns: whole in a pipe, fitted to the width of a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowsm.cli.output import console_for, print_text, safe, status_text

__all__ = ["fitted", "print_table"]

_GIVES_WAY: Final = frozenset({"task", "flow", "message", "data", "error", "what"})
"""Columns that may be cut off: what they say is told in full by --json. Ids, statuses and times never are."""
_USUAL: Final = {"visit": ("", "1"), "outcome": ("", "success")}
"""Columns that a terminal does without when each row has one of these; of others, when all are empty."""
_LEAST: Final = 8
"""Columns of the terminal below which a cut off text says nothing."""
_GAP: Final = 2


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, styled: int | None = None) -> None:
    """Print rows in columns; the words of column `styled` are statuses, and get their colours and marks.

    On a terminal, columns that say nothing are left out, and long texts are cut off; where the rest is still too
    wide, each row becomes a block of lines.
    """
    cells = [
        [status_text(str(value)) if place == styled and value else _text(value) for place, value in enumerate(row)]
        for row in rows
    ]
    console = console_for(sys.stdout)
    if not console.is_terminal:
        with console.capture() as captured:
            console.print(_table(headers, cells))
        print_text("".join(line.rstrip() + os.linesep for line in captured.get().splitlines()))
        return
    filled = [
        place
        for place, header in enumerate(headers)
        if not cells or any(row[place].plain not in _USUAL.get(header, ("",)) for row in cells)
    ]
    names = [headers[place] for place in filled]
    kept = [[row[place] for place in filled] for row in cells]
    fitting = fitted(names, kept, console.width)
    if fitting is None:
        _print_blocks(console, names, kept)
    else:
        console.print(_table(names, fitting))


def fitted(headers: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> list[list[Text]] | None:
    """The rows with as much cut off as makes them fit; None when that would leave too little of them.

    Args:
        headers: the columns' names, which say which of them may be cut off.
        rows: the cells.
        width: how many columns the terminal has.
    """
    wide = [max([len(header), *(row[place].cell_len for row in rows)]) for place, header in enumerate(headers)]
    excess = sum(wide) + _GAP * (len(wide) - 1) - width
    while excess > 0:
        able = [place for place, header in enumerate(headers) if header in _GIVES_WAY and wide[place] > _LEAST]
        if not able:
            return None
        widest = max(able, key=wide.__getitem__)
        wide[widest] -= 1
        excess -= 1
    return [[_cut(cell, wide[place]) for place, cell in enumerate(row)] for row in rows]


def _cut(cell: Text, width: int) -> Text:
    cut = cell.copy()
    cut.truncate(width, overflow="ellipsis")
    return cut


def _table(headers: Sequence[str], rows: Iterable[Sequence[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(header, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return table


def _print_blocks(console: Console, headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Each row as lines of a name and what stands there."""
    label = max(map(len, headers)) + _GAP
    for number, row in enumerate(rows):
        if number:
            console.print()
        for header, cell in zip(headers, row, strict=True):
            if cell.plain:
                console.print(Text.assemble((f"{header:<{label}}", "bold"), cell), soft_wrap=True)


def _text(value: Any) -> Text:
    return Text("" if value is None else safe(value))
