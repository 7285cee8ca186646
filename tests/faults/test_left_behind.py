"""The control of the test that kills a worker with the real vLLM: what an engine would leave behind is seen."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.left_behind import family, left_behind
from tests.waiting import wait_for

#: As vLLM with several GPUs: a process beside the worker, which starts one more. Each names itself once it is there.
_WORKER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=sys.argv[2] == "own session")
time.sleep(600)
"""
_ENGINE = """
import os, subprocess, time
other = subprocess.Popen(["sleep", "600"])
print(os.getpid(), other.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def _worker(session: str) -> Iterator[tuple[subprocess.Popen[str], set[int]]]:
    """A process started as the campaign starts a worker, and the two that it has started."""
    command = [sys.executable, "-c", _WORKER, _ENGINE, session]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        planted = {int(one) for one in process.stdout.readline().split()}
        try:
            yield process, planted
        finally:
            for pid in planted:
                os.kill(pid, signal.SIGKILL)
            process.kill()


@pytest.mark.parametrize("session", ["the worker's session", "own session"])
def test_control_an_engines_process_that_outlives_its_worker_is_seen(session: str) -> None:
    with _worker(session) as (process, planted):
        assert len(planted) == 2
        children = family(process.pid)
        process.kill()
        process.wait(10)
        assert left_behind(process.pid, children) == planted
    wait_for(lambda: not left_behind(process.pid, children), "nothing is left once they are gone, too")


def test_control_in_the_workers_session_one_is_seen_that_began_after_the_look() -> None:
    with _worker("the worker's session") as (process, planted):
        process.kill()
        process.wait(10)
        assert left_behind(process.pid, set()) == planted
