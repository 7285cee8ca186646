"""The demo's running output: a live table on a terminal, lines elsewhere, JSON for machines."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import click
import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sentistream.fates import Fate
from sentistream.script import Line
from sentistream.start_progress import Style
from sentistream.wording import COLOURS, in_words

_ROWS: Final = 16
_HEAD_ROWS: Final = 8
_LABEL_WIDTH: Final = 28


class View(Protocol):
    """Is shown each record once its fate is known."""

    def show(self, line: Line, fate: Fate) -> None:
        """One more."""


@contextmanager
def demo_view(style: Style, notes: Sequence[str] = ()) -> Iterator[View]:
    """The view that suits the output; on a terminal with notes below, which may grow."""
    if style == "json":
        yield _JsonView()
    elif style == "lines":
        yield _LineView()
    else:
        console = Console()
        view = _TableView(max(min(_ROWS, console.size.height - _HEAD_ROWS), 3), notes)
        with Live(view, console=console, refresh_per_second=8, transient=False):
            yield view


class _JsonView:
    def show(self, line: Line, fate: Fate) -> None:
        event, letter = fate.event, fate.letter
        row = {
            "conversation": line.conversation,
            "speaker": line.speaker,
            "text": line.text,
            "status": event.status if event else "dead_letter",
            "label": event.label if event else None,
            "sentiment": event.sentiment if event else None,
            "confidence": event.confidence if event else None,
            "rounds": len(event.rounds) if event else None,
            "candidates": event.candidates if event else None,
            "reason": letter.reason if letter else None,
            "latency_ms": round((fate.latency_s or 0.0) * 1000, 1),
        }
        click.echo(orjson.dumps({name: value for name, value in row.items() if value is not None}))


class _LineView:
    def show(self, line: Line, fate: Fate) -> None:
        words = in_words(fate)
        label = f"{words.label} {words.confidence}".rstrip()
        click.echo(f"{label:<{_LABEL_WIDTH}}  {line.conversation:<20}  {line.speaker}: {line.text}")


class _TableView:
    """Redrawn by rich from its own thread; the deque and the counter are only ever appended to."""

    def __init__(self, rows: int, notes: Sequence[str]) -> None:
        self._notes = notes
        self._latest: deque[tuple[Line, Fate]] = deque(maxlen=rows)
        self._counts: Counter[str] = Counter()
        self._sentiments: Counter[str] = Counter()

    def show(self, line: Line, fate: Fate) -> None:
        self._latest.append((line, fate))
        self._counts["dead letters" if fate.letter else "events"] += 1
        if fate.event and fate.event.sentiment:
            self._sentiments[fate.event.sentiment] += 1

    def __rich__(self) -> Group:
        table = Table(expand=True, box=None, pad_edge=False)
        table.add_column("conversation", width=20, no_wrap=True, style="dim")
        table.add_column("speaker", width=12, no_wrap=True, style="bold")
        table.add_column("message", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("emotion", width=_LABEL_WIDTH, no_wrap=True)
        table.add_column("conf.", width=5)
        table.add_column("rounds", width=6)
        table.add_column("ms", width=6, justify="right")
        for line, fate in list(self._latest):
            words = in_words(fate)
            text = line.text if line.is_message else f"({line.text})"
            latency = f"{(fate.latency_s or 0.0) * 1000:.0f}"
            # Text, not markup: what people type may hold brackets.
            cells = [Text(cell) for cell in (line.conversation, line.speaker, text)]
            table.add_row(*cells, Text(words.label, words.colour), words.confidence, words.rounds, latency)
        return Group(table, Text(), self._totals(), *(Text(note, "bold") for note in list(self._notes)))

    def _totals(self) -> Text:
        totals = Text("  ".join(f"{count} {what}" for what, count in self._counts.items()))
        for sentiment, colour in COLOURS.items():
            totals.append(f"   {self._sentiments[sentiment]} {sentiment}", style=colour)
        return totals
