"""What is being started, and for how long already: a spinner on a terminal, lines elsewhere, JSON for machines."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import click
import orjson
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sentistream.logs import LogSettings, configure_logging
from sentistream.options import load

Style = Literal["terminal", "lines", "json"]


def style_for(*, as_json: bool) -> Style:
    """Which one suits where the output goes."""
    if as_json:
        return "json"
    return "terminal" if sys.stdout.isatty() else "lines"


def quiet_unless_asked() -> None:
    """A person who watches messages does not want log lines between them, unless LOG_LEVEL says so."""
    root = click.get_current_context().find_root().params
    if root.get("log_level") is None and "LOG_LEVEL" not in os.environ:
        configure_logging(load(LogSettings, {**root, "log_level": "WARNING"}))


class StartProgress:
    """Shows steps as they run. JSON goes to standard output, the rest to standard error."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._began = time.monotonic()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One thing that takes a while."""
        began = time.monotonic()
        if self._style == "lines":
            click.echo(f"starting {what} ...", err=True)
        with self._spinner(what):
            yield
        took = time.monotonic() - began
        if self._style == "json":
            click.echo(orjson.dumps({"started": what, "seconds": round(took, 1)}))
        else:
            click.echo(f"  ready in {took:5.1f} s  {what}", err=True)

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @contextmanager
    def _spinner(self, what: str) -> Iterator[None]:
        if self._style != "terminal":
            yield
            return
        columns = (SpinnerColumn(), TextColumn("starting {task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            progress.add_task(what, total=None)
            yield
