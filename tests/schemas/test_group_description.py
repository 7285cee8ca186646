"""Asking for a group's members while the broker comes and goes."""

import random
import signal
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from schemas.group_description import describe_group
from sentistream.embedded import EmbeddedKafka

ROUNDS = 8


class SilentAdmin:
    """Kafka does not answer."""

    def describe_consumer_groups(self, group_ids: list[str], **_: Any) -> "dict[str, Future[Any]]":
        return {group: Future() for group in group_ids}


def test_no_answer_is_waited_for_no_longer_than_wanted() -> None:
    with pytest.raises(TimeoutError, match=r"no answer within 0.01 s"):
        describe_group(SilentAdmin(), "g", 0.01)


def _status_after(rounds: int, folder: Path, timeout_s: float) -> int | None:
    """Of a process that asks while the broker is killed and started again so often; None where it still runs."""
    with EmbeddedKafka(folder) as kafka:
        command = [sys.executable, "-m", "tests.schemas.group_asker_child", kafka.bootstrap_servers, str(timeout_s)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            for _ in range(rounds):
                # How long the broker is there, and how long it is not, is the storm itself: nothing is waited for.
                pause(child, 0.5, 2.0)
                kafka.kill()
                pause(child, 0.0, 5.0)
                kafka.restart()
            status = child.poll()
            child.kill()
    return status


def pause(child: "subprocess.Popen[bytes]", least_s: float, most_s: float) -> None:
    """A while of random length, or until the child ends."""
    try:
        child.wait(random.uniform(least_s, most_s))
    except subprocess.TimeoutExpired:
        return


@pytest.mark.soak
@pytest.mark.kafka
def test_soak_a_broker_that_comes_and_goes_ends_nobody_who_asks(tmp_path: Path) -> None:
    assert _status_after(ROUNDS, tmp_path / "kafka", timeout_s=0) is None


@pytest.mark.soak
@pytest.mark.kafka
def test_soak_control_a_time_out_of_the_request_itself_aborts_the_process(tmp_path: Path) -> None:
    """Once librdkafka has mended this, `schemas.group_description` can go."""
    assert _status_after(ROUNDS, tmp_path / "kafka", timeout_s=6.0) == -signal.SIGABRT
