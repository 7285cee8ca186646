"""What a row of the table is, how it is printed, and how a long wait shows that it goes on."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure beside its baseline of the same run.

    Attributes:
        row: the name that `python -m bench ROW` takes.
        what: was measured.
        value: the median.
        unit: of value and baseline.
        baseline: the same of what it is compared with; None where there is nothing.
        ratio: of both, the way round that the target has it.
        target: in words; empty for orientation.
        met: None for orientation.
        note: spread, repeats and the like.
    """

    row: str
    what: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""


_HEAD = ("row", "what", "value", "baseline", "ratio", "target", "met")


def print_table(figures: Sequence[Figure]) -> None:
    """All of them, and below what there is to say about each."""
    lines = [_HEAD, *(_cells(one) for one in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    notes = [f"{one.row}, {one.what}: {one.note}" for one in figures if one.note]
    if notes:
        print("\n" + "\n".join(notes))


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """For documents and comparisons."""
    path.write_text(json.dumps([asdict(one) for one in figures], indent=2) + "\n", encoding="utf-8")


def say(text: str) -> None:
    """A line about what goes on; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says what is waited for, and how long so far: every two seconds on a terminal, every twenty elsewhere."""
    done = threading.Event()
    began = time.monotonic()
    terminal = sys.stderr.isatty()

    def tick() -> None:
        while not done.wait(2.0 if terminal else 20.0):
            text = f"  {what} ... {time.monotonic() - began:.0f} s"
            print(f"\r{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    say(f"  {what}")
    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        start = "\r" if terminal else ""
        say(f"{start}  {what}: {time.monotonic() - began:.1f} s")


def _cells(one: Figure) -> tuple[str, ...]:
    return (
        one.row,
        one.what,
        f"{_number(one.value)} {one.unit}",
        "-" if one.baseline is None else f"{_number(one.baseline)} {one.unit}",
        "-" if one.ratio is None else f"{one.ratio:.2f}",
        one.target or "-",
        "-" if one.met is None else "yes" if one.met else "NO",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
