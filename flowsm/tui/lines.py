"""A widget that shows rows of text, however many: only those on the screen are ever made."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["Lines", "TextLines"]


class Lines(ScrollView, can_focus=False):
    """Rows that are asked for when they are shown; those of a subclass come from `row`, which each implements."""

    COMPONENT_CLASSES = {"lines--cursor"}
    DEFAULT_CSS = """
    Lines {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
    }
    Lines > .lines--cursor {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: bold;
    }
    """

    count: int = 0
    cursor: int | None = None
    """The row that is lit."""

    def row(self, place: int, width: int) -> Content:
        """One row, for so many columns; what does not fit is cut off."""
        raise NotImplementedError

    def show(self, count: int, cursor: int | None = None, *, bring: int | None = None) -> None:
        """Show this many rows, one of them lit; scrolled as before, or so that the row `bring` can be seen."""
        at_once = bring == 0 or count == self.count
        self.count, self.cursor = count, cursor
        self.virtual_size = Size(0, count)
        self.refresh()
        if bring is not None and at_once:
            self.bring(bring)
        elif bring is not None:  # how far it can be scrolled is known only then
            self.call_after_refresh(self.bring, bring)

    def can_be_seen(self, place: int) -> bool:
        """Whether a row is on the screen."""
        return 0 <= place - self.scroll_offset.y < self.scrollable_content_region.height

    def bring(self, place: int) -> None:
        """Scroll as little as is needed to see a row, with one more before and after it."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if place - 1 < top:
            self.scroll_to(y=max(place - 1, 0), animate=False)
        elif place + 1 >= top + height:
            self.scroll_to(y=place + 2 - height, animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        place = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if place >= self.count:
            return Strip.blank(width, self.visual_style.rich_style)
        content = self.row(place, width).truncate(width, ellipsis=True, pad=True)
        lit = place == self.cursor
        style = self.get_visual_style("lines--cursor") if lit else self.visual_style
        return Strip((Content(content.plain) if lit else content).render_segments(style), width)


class TextLines(Lines):
    """Lines that are there already; long ones are broken at the widget's width, or with `breaks` false cut off."""

    def __init__(self, *, id: str, breaks: bool = True) -> None:
        super().__init__(id=id)
        self._breaks = breaks
        self._lines: Sequence[Content] = ()
        self._broken: list[Content] = []
        self._width = 0

    def row(self, place: int, width: int) -> Content:
        """See `Lines`."""
        return self._broken[place]

    def put(self, lines: Sequence[Content], *, bring: int | None = None) -> None:
        """Show these lines, scrolled as before, or so that the line `bring` can be seen."""
        self._lines = lines
        self._break()
        self.show(len(self._broken), bring=bring)

    def on_resize(self) -> None:
        """Break them once more."""
        if self.scrollable_content_region.width != self._width:
            self._break()
            self.show(len(self._broken))

    def _break(self) -> None:
        self._width = self.scrollable_content_region.width
        width = self._width if self._breaks else 0
        self._broken = [part for line in self._lines for part in _parts(line, width)]


def _parts(line: Content, width: int) -> list[Content]:
    return line.wrap(width) if 0 < width < line.cell_length else [line]
