"""How far a long read is: a bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType
from typing import Final, Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = structlog.get_logger()

_EVERY_S: Final = 10.0


class ReadingProgress:
    """Counts the offsets of one topic's spans."""

    def __init__(self, topic: str, total: int) -> None:
        """Begin."""
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._terminal = console.is_terminal
        self._task = self._bar.add_task(f"reading {topic}", total=total)
        self._topic, self._total = topic, total
        self._since = self._said = time.monotonic()

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def reach(self, done: int) -> None:
        """So many offsets are behind."""
        self._bar.update(self._task, completed=done)
        now = time.monotonic()
        if not self._terminal and now - self._said >= _EVERY_S:
            self._said = now
            left = (now - self._since) / max(done, 1) * (self._total - done)
            log.info("reading", topic=self._topic, offsets=done, of=self._total, seconds_left=round(left))
