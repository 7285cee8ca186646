"""What a person, or a log, sees of a training that goes on."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from structlog.testing import capture_logs

from trainer import progress
from trainer.progress import Progress


class Screen:
    """Where the bar would go, and a clock that goes one second a step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
        self.text = io.StringIO()
        self.now = 100.0
        self._terminal = terminal
        monkeypatch.setattr(progress, "Console", self._console)
        monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _console(self, *, stderr: bool) -> Console:
        assert stderr, "standard output is the result's"
        return Console(file=self.text, force_terminal=self._terminal, width=120)

    def train(self, total: int, done: int = 0, *, shown: bool = True) -> list[Any]:
        """The lines of the log."""
        with capture_logs() as lines, Progress("training", total, done, shown=shown) as shows:
            for step in range(done, total):
                self.now += 1
                shows.advance(1.0 if step == done else 0.0, tokens=500)
        return [one for one in lines if one["event"] == "training"]


def test_a_log_gets_a_line_every_25_steps_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, terminal=False)
    lines = screen.train(60)
    assert [(one["step"], one["of"], one["minutes_left"]) for one in lines] == [
        (25, 60, 0.6),
        (50, 60, 0.2),
        (60, 60, 0),
    ]
    assert {one["tokens_per_s"] for one in lines} == {500}
    # Smoothed: the first batch's 1.0 fades, and no later one brings it down at once.
    assert [one["loss"] for one in lines] == [round(0.95**24, 4), round(0.95**49, 4), round(0.95**59, 4)]
    assert screen.text.getvalue() == "", "no bar in a file"


def test_a_run_that_goes_on_counts_from_where_it_was_and_times_only_its_own_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = Screen(monkeypatch, terminal=False).train(60, done=40)
    assert [(one["step"], one["minutes_left"]) for one in lines] == [(50, 0.2), (60, 0)]
    assert [one["tokens_per_s"] for one in lines] == [500, 500]


def test_a_terminal_gets_a_bar_and_the_log_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, terminal=True)
    assert screen.train(60) == []
    shown = screen.text.getvalue()
    assert "60/60" in shown
    assert "500 tokens/s" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_of_many_processes_one_shows_it(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    screen = Screen(monkeypatch, terminal=terminal)
    assert screen.train(60, shown=False) == []
    assert screen.text.getvalue() == ""
