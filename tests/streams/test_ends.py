"""Each way in which a stream ends itself in its work: status 70, and the log names the kind."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError
from faust.types import TP

from streams import rebuild, service
from streams.batch import Outgoing
from streams.errors import LostRangeError, RebuildError, SendError, SkippedRecordsError, StreamsError
from streams.faultpoints import NoFaults
from streams.health import Heartbeat
from streams.intake import FAILED, Intake
from streams.rebuild import Rebuilder
from streams.sender import Sender
from streams.settings import StreamsSettings
from streams.transport import Consumer, ConsumerThread
from streams.window import PartitionWork

_PLACE = TP("m", 0)


class _EndedError(Exception):
    """The process would be gone now."""


def _end(status: int) -> None:
    raise _EndedError(status)


def _ends_as(run: Callable[[Intake], Awaitable[None]], kind: type[StreamsError], *, accepts_loss: bool = False) -> str:
    """The text that the log has, once this has ended the process with 70."""
    intake = Intake("m", 1 << 20, accepts_loss=accepts_loss, end=_end)

    async def guarded() -> None:
        try:
            await run(intake)
        except StreamsError as error:
            # As the agent does with whatever a batch raises.
            intake.fail(error)

    with structlog.testing.capture_logs() as logs, pytest.raises(_EndedError) as ended:
        asyncio.run(guarded())
    assert ended.value.args == (FAILED,)
    (line,) = [one for one in logs if one["event"] == "streams_failed"]
    assert (line["kind"], line["traceback"]) == (kind.__name__, None)
    return str(line["error"])


class _Producer:
    """Takes batches, and does not confirm them."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def create_batch(self) -> Any:
        return SimpleNamespace(append=lambda **_: object())

    async def send_batch(self, *_: Any, **__: Any) -> "asyncio.Future[None]":
        confirmed = asyncio.get_running_loop().create_future()
        if self._error is not None:
            confirmed.set_exception(self._error)
        return confirmed


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (None, "TimeoutError"),
        (KafkaTimeoutError(), "start again"),
        (MessageSizeTooLargeError(), "raise that topic's max.message.bytes"),
    ],
    ids=["no answer", "refused", "too large"],
)
def test_requests_that_kafka_does_not_confirm(error: Exception | None, advice: str) -> None:
    app: Any = SimpleNamespace(producer=SimpleNamespace(_ensure_producer=lambda: _Producer(error)))

    async def send(_: Intake) -> None:
        await Sender(app, "r", 0.05).send([[Outgoing(0, b"k", b"v", ())]])

    text = _ends_as(send, SendError)
    assert advice in text
    assert "Nothing of the batch is committed" in text


def _consumer(intake: Intake, delivered: int, before_fetch: int) -> Any:
    """The consumer, as far as it compares what was fetched with what was delivered."""
    one: Any = Consumer.__new__(Consumer)
    one._delivered = {_PLACE: delivered}
    one._before_fetch = {_PLACE: before_fetch}
    one._stopped = asyncio.Event()
    one.app = SimpleNamespace(intake=intake, should_stop=False)
    one._is_current = lambda: True
    one._shutdown = one._stopped

    async def getmany(*_: Any, **__: Any) -> Any:
        yield _PLACE, SimpleNamespace(offset=one.next_offset)

    one.getmany = getmany
    return one


async def _drain(consumer: Any, next_offset: int) -> None:
    consumer.next_offset = next_offset

    async def sleep(_: float) -> None:
        """In the place of one that ends with the consumer."""

    consumer.sleep = sleep
    await consumer._drain_messages(SimpleNamespace(_stopped=asyncio.Event()))


def test_records_that_came_from_the_broker_and_not_out_of_faust() -> None:
    text = _ends_as(lambda intake: _drain(_consumer(intake, 4, 9), 10), SkippedRecordsError)
    assert "records 5 to 9" in text


def test_a_log_that_goes_back() -> None:
    text = _ends_as(lambda intake: _drain(_consumer(intake, 9, 9), 3), LostRangeError)
    assert "goes on at offset 3 after 9" in text


def test_a_partition_that_has_no_position_yet_is_no_crash() -> None:
    """Faust looks for partitions that stand still; aiokafka was just asking where this one's log begins."""

    async def assigned() -> TopicPartitionState:
        return TopicPartitionState(None)

    state = asyncio.run(assigned())
    assignment = SimpleNamespace(state_value=lambda _: state)
    subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread._verify_aiokafka_event_path = lambda *_: False
    thread._ensure_consumer = lambda: SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=subscriptions))
    thread.time_started = 0.0
    topics = SimpleNamespace(acks_enabled_for=lambda _: True)
    thread.consumer = SimpleNamespace(app=SimpleNamespace(monitor=object(), topics=topics))
    with pytest.raises(AssertionError):
        assert state.position
    thread.verify_event_path(1.0, _PLACE)


class _Reader:
    """Kafka, as a rebuild reads it: away, or silent."""

    def __init__(self, *, away: bool) -> None:
        self._away = away

    def __call__(self, **_: Any) -> "_Reader":
        return self

    async def start(self) -> None:
        if self._away:
            raise KafkaConnectionError
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("away", "said"), [(True, "could not be read again"), (False, "raise REBUILD_DEADLINE_S")], ids=["away", "slow"]
)
def test_windows_that_cannot_be_rebuilt(monkeypatch: pytest.MonkeyPatch, *, away: bool, said: str) -> None:
    monkeypatch.setattr(rebuild, "AIOKafkaConsumer", _Reader(away=away))
    settings = StreamsSettings(rebuild_deadline_s=0.05)
    nothing: Any = None

    async def run(_: Intake) -> None:
        await Rebuilder(settings, nothing, nothing, NoFaults()).rebuild(PartitionWork("t", 0, 5, 6, 0, []))

    assert said in _ends_as(run, RebuildError)


def test_messages_that_wait_without_progress(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Intake, "stuck_s", 901.0)
    one: Any = service._Service.__new__(service._Service)
    one._settings = StreamsSettings()
    one._loop_alive = Heartbeat()
    app: Any = SimpleNamespace(consumer=None, producer=None, agents=None)
    assert "waited for 901 s without progress" in _ends_as(lambda intake: one._watch(app, intake), StreamsError)
    assert "most recent call first" in capfd.readouterr().err


def test_an_event_loop_that_hangs_ends_the_process_without_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.hanging_child", "loop"],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    try:
        assert process.wait(60) == FAILED, log.read_text()
    finally:
        process.kill()
        process.wait()
    written = log.read_text()
    events = [json.loads(line)["event"] for line in written.splitlines() if line.startswith("{")]
    assert "streams_failed" not in events
    assert "hang" in written, "the stacks say where it was"
    assert "most recent call first" in written
