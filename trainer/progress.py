"""A training run's progress: a bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType
from typing import Final, Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

log = structlog.get_logger()

_EVERY: Final = 25
#: How fast the shown loss follows the last batch's.
_SMOOTHING: Final = 0.95


class Progress:
    """Counts steps of one epoch; shows loss, tokens a second and the time that is left."""

    def __init__(self, title: str, total: int, done: int, *, shown: bool = True) -> None:
        """Begin at ``done`` of ``total`` steps; of many processes, one shows them."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        self._bar = Bar(
            *columns,
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task(title, total=total, completed=done)
        self._logged = shown and not console.is_terminal
        self._title, self._total, self._first, self._done = title, total, done, done
        self._loss, self._tokens = 0.0, 0
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away, so that an error stands on its own line."""
        self._bar.stop()

    def advance(self, loss: float, tokens: int) -> None:
        """One step is done."""
        self._loss = loss if self._done == self._first else _SMOOTHING * self._loss + (1 - _SMOOTHING) * loss
        self._done += 1
        self._tokens += tokens
        elapsed = time.monotonic() - self._since
        rate = self._tokens / elapsed
        text = f"{self._title}  loss {self._loss:.3f}  {rate:,.0f} tokens/s"
        self._bar.update(self._task, completed=self._done, description=text)
        if self._logged and (self._done % _EVERY == 0 or self._done == self._total):
            left = elapsed / (self._done - self._first) * (self._total - self._done)
            log.info(
                "training",
                part=self._title,
                step=self._done,
                of=self._total,
                loss=round(self._loss, 4),
                tokens_per_s=round(rate),
                minutes_left=round(left / 60, 1),
            )
