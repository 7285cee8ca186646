"""What the demo says at its end: the figures, and where to look next by commands that can be typed as they stand."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sentistream.commands.demo import _summarise
from sentistream.report import Latency, RunReport
from sentistream.system import System, SystemSettings

REPORT = RunReport(
    messages=12,
    events=10,
    dead_letters=2,
    missing=0,
    duplicates=0,
    wall_s=4.0,
    messages_per_s=3.0,
    latency_ms=Latency(p50=41.2, p99=99.6),
    outliers=1,
    model_calls=14,
    mean_rounds=1.25,
)


def summary(capsys: pytest.CaptureFixture[str], **settings: Any) -> str:
    system = SimpleNamespace(settings=SystemSettings(**settings), logs=["data/worker.log"])
    _summarise(REPORT, cast(System, system), "lines", 31.4, ["The console: http://127.0.0.1:1/"], interrupted=False)
    return capsys.readouterr().out


def test_every_figure_stands_in_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [" ".join(line.split()) for line in summary(capsys).splitlines()]
    for row in (
        "messages 12",
        "events 10",
        "dead letters 2",
        "missing 0",
        "doubled 0",
        "rate 3.0 messages/s",
        "latency p50 41 ms, p99 100 ms",
        "rounds 1.25 on average",
        "outliers 1",
        "first event 31.4 s after the command",
        "The console: http://127.0.0.1:1/",
    ):
        assert row in rows


@pytest.mark.parametrize("on_path", [True, False])
def test_the_next_commands_can_be_typed_as_they_stand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, on_path: bool
) -> None:
    program = tmp_path / ".venv" / "bin" / "sentistream"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    # As the Makefile calls it: the environment is not on the path.
    monkeypatch.setattr(sys, "argv", [".venv/bin/sentistream", "demo"])
    monkeypatch.setenv("PATH", str(program.parent) if on_path else str(tmp_path))
    shown = summary(capsys, SENTISTREAM_DATA="elsewhere").partition("Where to look next")[2]
    called = "sentistream" if on_path else ".venv/bin/sentistream"
    for command in ("chat", "replay FILE", "dlq list --data elsewhere", "up --data elsewhere"):
        assert f"\n  {called} {command}  " in shown
    assert "data/worker.log" in shown
