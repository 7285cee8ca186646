"""A service that is stopped while it still starts ends as promised, without a traceback."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="sees by /proc how far a start has come")

#: As `python -m`, and as the console script calls it.
LAUNCHES = {
    "module": ("-m", "sentistream"),
    "script": ("-c", "from sentistream.__main__ import main; main()"),
}
#: From the first moment on which our code can answer for, through the imports, to work that waits for Kafka.
MOMENTS = ("handlers", "_pydantic_core", "orjson", "confluent_kafka", "tokenizers")


def has_come_to(child: "subprocess.Popen[bytes]", moment: str) -> Callable[[], bool]:
    """Whether it handles SIGTERM, or has the library mapped."""
    process = Path(f"/proc/{child.pid}")

    def reached() -> bool:
        assert child.poll() is None, f"ended with {child.returncode} before {moment}"
        if moment != "handlers":
            return moment in (process / "maps").read_text()
        caught = next(line for line in (process / "status").read_text().splitlines() if line.startswith("SigCgt"))
        return bool(int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1))

    return reached


@contextmanager
def starting(log: Path, *arguments: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=output, env={**os.environ, **settings}
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait(30)


@pytest.mark.parametrize("launch", LAUNCHES)
@pytest.mark.parametrize("command", ["streams", "worker", "up"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("moment", MOMENTS[:2])
def test_during_the_imports_it_ends_at_once(
    tmp_path: Path, launch: str, command: str, number: signal.Signals, status: int, moment: str
) -> None:
    log = tmp_path / "log"
    with starting(log, *LAUNCHES[launch], command, SENTISTREAM_DATA=str(tmp_path / "data")) as child:
        wait_for(has_come_to(child, moment), moment, 30)
        child.send_signal(number)
        assert child.wait(30) == status, log.read_text()
    assert log.read_text() == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.kafka
@pytest.mark.parametrize("command", ["streams", "worker"])
@pytest.mark.parametrize("moment", MOMENTS[2:])
def test_later_the_services_end_with_0_too(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, tmp_path: Path, command: str, moment: str
) -> None:
    """Whether SIGTERM meets the first handler or the command's own."""
    log = tmp_path / "log"
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_server.url,
        "TOPIC_PREFIX": topics().topic_prefix,
        "ENGINE": "scripted",
        "STREAMS_PORT": "0",
        "METRICS_PORT": "0",
    }
    with starting(log, "-m", "sentistream", command, **settings) as child:
        wait_for(has_come_to(child, moment), moment, 30)
        child.terminate()
        assert child.wait(60) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_stream_that_waits_for_kafka_can_be_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}
    with starting(log, "-m", "sentistream", "streams", **settings) as child:
        wait_for(lambda: b"streams_starting" in log.read_bytes(), "the start", 60)
        child.terminate()
        assert child.wait(30) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_other_commands_tidy_up_first(tmp_path: Path) -> None:
    """They are no services: to be stopped is to fail, and what they hold is let go on the way."""
    log = tmp_path / "log"
    with starting(log, "-c", _WAITING_TOPICS, "topics", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1") as child:
        wait_for(lambda: b"waiting" in log.read_bytes(), "the command", 60)
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 1, log.read_text()
    assert log.read_text().split() == ["waiting", "tidied", "Aborted!"]


_WAITING_TOPICS = """
import click, sentistream.cli, time
from sentistream.__main__ import main

@click.command()
def command():
    try:
        print("waiting", flush=True)
        time.sleep(60)
    finally:
        print("tidied", flush=True)

sentistream.cli.CommandFolder.get_command = lambda *_: command
main()
"""
