"""How far a long evaluation is: a bar on a terminal, a line now and then in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = structlog.get_logger()

_LOG_SECONDS: Final = 20.0


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yields what is to be called after each of ``total`` steps."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    task = bar.add_task(what, total=total)
    done, said = 0, time.monotonic()

    def step() -> None:
        nonlocal done, said
        done += 1
        bar.update(task, completed=done)
        if not console.is_terminal and time.monotonic() - said > _LOG_SECONDS:
            said = time.monotonic()
            log.info("evaluating", what=what, done=done, of=total)

    with bar:
        yield step
