"""An alarm for drift starts a refresh in a process of its own; a second alarm does not start a second one."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from schemas.event import EmotionEvent
from sentistream.refresh_process import RefreshProcess
from sentistream.refresher import Refresher
from tests.trainer.test_watch import event, settings
from tests.waiting import wait_for
from trainer.watch.drift_watch import DriftWatch

#: Stands for `sentistream trainer run`: tells that it is there, and ends when it may.
CHILD = """#!{python}
import os, pathlib, signal, time
here = pathlib.Path(os.environ["TEST_FOLDER"])
if "STALLED" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
(here / f"started-{{os.getpid()}}").touch()
while not (here / "end").exists():
    time.sleep(0.02)
print('{{"status": "nothing_new", "reason": "no labels", "model": "tiny"}}')
"""


@pytest.fixture
def refresher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refresher:
    child = tmp_path / "child"
    child.write_text(CHILD.format(python=sys.executable))
    child.chmod(0o755)
    monkeypatch.setattr("sentistream.refresh_process.sys.executable", str(child))
    return Refresher({"TEST_FOLDER": str(tmp_path)})


def started(folder: Path) -> list[int]:
    return [int(one.name.removeprefix("started-")) for one in folder.glob("started-*")]


def alarms(refresh: Callable[[str], None], times: int) -> None:
    """What the watch sees of so many changes of the traffic, each of which raises an alarm."""
    chosen = settings(drift_window_s=60.0, drift_least_events=50, drift_refresh=True, drift_refresh_hours=0.0)
    watch = DriftWatch(chosen, refresh)
    number = 0

    def windows(count: int, label: Callable[[int], str]) -> None:
        nonlocal number
        for _ in range(count):
            found: list[EmotionEvent] = [event(one, "v1", label=label(one)) for one in range(100)]
            for place, one in enumerate(found):
                watch.add_event(one, 6e7 + number * 60 + place / 2)
            watch.look()
            number += 1

    windows(20, lambda one: "joy" if one % 3 else "anger")
    for _ in range(times):
        windows(3, lambda _: "fear")
        windows(3, lambda one: "joy" if one % 3 else "anger")


def test_two_alarms_are_one_refresh_which_is_told_of_when_it_ends(refresher: Refresher, tmp_path: Path) -> None:
    with capture_logs() as logs:
        alarms(refresher.start, 2)
        wait_for(lambda: bool(started(tmp_path)), "the refresh", 30)
        refresher.poll()
        (tmp_path / "end").touch()
        wait_for(lambda: refresher.poll() or any(one["event"] == "refresh_ended" for one in logs), "its end", 30)
        assert len(started(tmp_path)) == 1
        refresher.start("another alarm, later")
        wait_for(lambda: len(started(tmp_path)) == 2, "the next one", 30)
    told = [(one["event"], one.get("status")) for one in logs if one["event"].startswith("refresh_")]
    assert told == [
        ("refresh_started", None),
        ("refresh_running_already", None),
        ("refresh_ended", "nothing_new"),
        ("refresh_started", None),
    ]
    refresher.stop()


def test_the_end_of_the_watch_is_the_end_of_its_refresh(refresher: Refresher, tmp_path: Path) -> None:
    refresher.start("an alarm")
    wait_for(lambda: bool(started(tmp_path)), "the refresh", 30)
    refresher.stop()
    assert not [pid for pid in started(tmp_path) if psutil.pid_exists(pid)]
    refresher.stop()


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.usefixtures("refresher")
def test_a_refresh_that_takes_too_long_is_ended_and_is_a_failure(tmp_path: Path, *, stalled: bool) -> None:
    """By force where it hears nothing; in the end the next one finds the lock free."""
    own = {"TEST_FOLDER": str(tmp_path)} | ({"STALLED": "yes"} if stalled else {})
    with capture_logs() as logs:
        process = RefreshProcess.start(own, 0.5, longest_s=0.0)
        wait_for(lambda: bool(started(tmp_path)), "the refresh", 30)
        wait_for(lambda: process.poll() is not None, "its end", 30)
    ended = process.poll()
    assert ended is not None
    assert ended.status == "failed"
    assert "TRAINER_RUN_SECONDS" in ended.reason
    assert ended.exit_code == (-signal.SIGKILL if stalled else -signal.SIGTERM)
    assert [one["log_level"] for one in logs if one["event"] == "refresh_too_long"] == ["error"]
    assert not [pid for pid in started(tmp_path) if psutil.pid_exists(pid)]


def test_a_refresh_that_cannot_be_started_does_not_end_the_watch(
    refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> RefreshProcess:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(RefreshProcess, "start", fails)
    with capture_logs() as logs:
        refresher.start("an alarm")
    assert [one["error"] for one in logs if one["event"] == "refresh_not_started"] == ["no more processes"]
    refresher.poll()
    refresher.stop()
