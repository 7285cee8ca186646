"""However a worker's end hangs, the process ends, with its exit code, and its log says where each thread stood."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_for
from worker.errors import ExitCode

_END_S = 30.0


def _end(part: str, log: Path) -> int:
    """Starts the child, tells it to stop once it is ready, and waits for its end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.hanging_child", part],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    try:
        wait_for(lambda: b"worker_ready" in log.read_bytes() or process.poll() is not None, "its start")
        process.terminate()
        return process.wait(_END_S)
    finally:
        process.kill()
        process.wait()


def _lines(log: Path, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_a_worker_that_ends_by_itself_says_nothing_of_threads(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _end("nothing", log) == ExitCode.STOPPED, log.read_text()
    assert not _lines(log, "worker_stopped")


@pytest.mark.parametrize("part", ["loop", "close"])
def test_a_stop_that_hangs_ends_late_and_says_where_it_stood(part: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _end(part, log) == ExitCode.LATE, log.read_text()
    (line,) = _lines(log, "worker_stopped")
    assert line["exit_code"] == "LATE"
    (main_thread,) = [thread for thread in line["threads"] if thread.startswith("MainThread: ")]
    assert "hang (hanging_child.py:" in main_thread
    assert "most recent call first" in log.read_text(), "all stacks, whole"


def test_a_worker_that_hangs_after_an_error_ends_by_that_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _end("error", log) == ExitCode.FENCED, log.read_text()
    first, second = _lines(log, "worker_stopped")
    assert first["reason"] == "another process joined"
    assert second["exit_code"] == "FENCED"
    assert any("hang (hanging_child.py:" in thread for thread in second["threads"])


def test_a_thread_that_python_would_wait_for_does_not_keep_a_stopped_worker(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _end("thread", log) == ExitCode.STOPPED, log.read_text()
    (line,) = _lines(log, "worker_stopped")
    assert any("hang (hanging_child.py:" in thread for thread in line["threads"])


def test_what_hangs_while_python_takes_itself_down_is_ended_and_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _end("destructor", log) == ExitCode.INTERNAL, log.read_text()
    assert "hanging_child.py" in log.read_text().split("Timeout (")[1]
