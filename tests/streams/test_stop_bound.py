"""However a stream's end hangs, the process ends, and its log says where each thread stood."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams import service
from tests.waiting import wait_for

_END_S = 30.0


@pytest.mark.parametrize(("part", "status"), [("stop", service._LATE), ("close", service._LATE), ("thread", 0)])
def test_a_stop_that_hangs_ends_and_says_where_it_stood(part: str, status: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.hanging_child", part],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    try:
        wait_for(lambda: b"streams_ready" in log.read_bytes() or process.poll() is not None, "its start")
        process.terminate()
        assert process.wait(_END_S) == status, log.read_text()
    finally:
        process.kill()
        process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    (told,) = [line for line in lines if line["event"] == "streams_stopped_late"]
    assert told["exit_code"] == status
    assert any(thread.startswith("MainThread: ") for thread in told["threads"])
    if part != "stop":
        assert any("hang (hanging_child.py:" in thread for thread in told["threads"])
    assert "most recent call first" in log.read_text(), "all stacks, whole"
