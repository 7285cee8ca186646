"""`sentistream trainer` as a process: what it tells whatever started it, and that it ends when it is asked to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prompts.profile import SHIPPED_MODEL
from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.embedded.ports import kept_ports
from sentistream.probe import is_healthy
from sentistream.refresh_process import RefreshProcess
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from trainer.exit_codes import ExitCode
from trainer.lock import Lease, lock_name
from trainer.outcome import Outcome

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

MODEL = SHIPPED_MODEL
DEADLINE_S = 120


@pytest.fixture
def variables(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, tmp_path: Path
) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.connection.kafka_bootstrap_servers,
        "TOPIC_PREFIX": topics(2).topic_prefix,
        "REDIS_URL": redis_server.url,
        "TRAINER_FOLDER": str(tmp_path / "trainer"),
        "TRAINER_REGISTRY": str(tmp_path / "registry"),
        "OMP_NUM_THREADS": "1",
    }


def trainer(variables: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sentistream", "trainer", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_without_any_label_there_is_nothing_to_do(variables: dict[str, str]) -> None:
    done = trainer(variables, "run", "--json")
    assert done.returncode == ExitCode.DONE, done.stderr
    (line,) = done.stdout.splitlines()
    assert Outcome.model_validate_json(line).status == "nothing_new"


def test_the_exit_code_says_what_kind_of_failure_it_was(variables: dict[str, str]) -> None:
    lock = lock_name(variables["TOPIC_PREFIX"], MODEL)
    with Lease(RedisSettings(redis_url=variables["REDIS_URL"]), lock, 60):
        held = trainer(variables, "run")
    assert held.returncode == ExitCode.LOCKED, held.stderr
    assert lock in held.stderr.splitlines()[-1]
    for changed, code in (
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, ExitCode.UNAVAILABLE),
        ({"TRAINER_RECIPE": "no-such-recipe"}, ExitCode.MISCONFIGURED),
        ({"MODEL": "no-such-model"}, ExitCode.MISCONFIGURED),
    ):
        failed = trainer(variables | changed, "run")
        assert failed.returncode == code, failed.stderr
        assert failed.stderr.splitlines()[-1].startswith("Error: ")
        assert "Traceback" not in failed.stderr


def test_a_wrong_time_is_said_at_once(variables: dict[str, str]) -> None:
    failed = trainer(variables, "serve", "--cron", "at night")
    assert failed.returncode == ExitCode.MISCONFIGURED, failed.stderr
    assert "TRAINER_CRON" in failed.stderr


@contextmanager
def serving(variables: dict[str, str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "trainer", "serve"],
            env={**os.environ, **variables},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_serve_is_healthy_until_sigterm_ends_it(variables: dict[str, str], tmp_path: Path) -> None:
    (port,) = kept_ports(tmp_path / "ports.json", 1)
    with serving(variables | {"TRAINER_METRICS_PORT": str(port)}, log := tmp_path / "log") as process:
        wait_for(lambda: process.poll() is not None or is_healthy(port), "health", DEADLINE_S)
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()


def test_a_refresh_in_a_process_tells_its_outcome(variables: dict[str, str], tmp_path: Path) -> None:
    process = RefreshProcess.start(variables, 20.0, tmp_path / "log")
    wait_for(lambda: process.poll() is not None, "the refresh", DEADLINE_S)
    ended = process.poll()
    assert ended is not None
    assert (ended.status, ended.exit_code) == ("nothing_new", 0)
    assert process.outcome is not None
    stopped = RefreshProcess.start(variables, 20.0, tmp_path / "log")
    stopped.stop()
    assert stopped.poll() is not None
