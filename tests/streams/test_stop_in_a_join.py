"""Told to stop while Kafka holds back the answer to a join, for another member is away: nobody waits for that one."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from schemas.group_description import describe_group
from streams.transport import ConsumerThread
from tests.streams.stream_rig import StreamRig, stop, wait_for_log
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

#: Longer than the bound of a stop, 30 s: waiting until Kafka gives up the one that is away would be seen.
_SESSION: Final = {"KAFKA_SESSION_TIMEOUT_MS": "120000"}
_JOINING: Final = ConsumerGroupState.PREPARING_REBALANCING
#: What aiokafka says when a heartbeat's answer asks for a join.
_NEW_ROUND: Final = "because it is rebalancing"


@pytest.fixture
def group(rig: StreamRig) -> Callable[[], Any]:
    """What Kafka says of it."""
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    return lambda: describe_group(admin, rig.environment["STREAMS_GROUP"], 30)


@pytest.mark.parametrize("static", [{}, {"STREAMS_INSTANCE": "new"}], ids=["dynamic", "static"])
def test_a_newcomer_that_waits_for_its_first_partitions(
    rig: StreamRig, group: Callable[[], Any], tmp_path: Path, static: dict[str, str]
) -> None:
    away, log = tmp_path / "away", tmp_path / "log"
    with rig.stream(away, **_SESSION) as other:
        wait_for_log(away, "streams_ready")
        other.send_signal(signal.SIGSTOP)
        with rig.stream(log, **_SESSION, **static) as child:
            wait_for(lambda: group().state == _JOINING, "its join, that waits for the other one")
            assert stop(child) == 0, log.read_text()
    assert "streams_ready" not in log.read_text()


def test_a_member_leaves_though_its_join_has_no_answer(
    rig: StreamRig, group: Callable[[], Any], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with rig.stream(tmp_path / "away", **_SESSION) as other, rig.stream(log, **_SESSION) as child:
        wait_for_log(log, "streams_ready")
        wait_for(lambda: len(group().members) == 2 and group().state == ConsumerGroupState.STABLE, "both have come")
        other.send_signal(signal.SIGSTOP)
        rounds = log.read_text().count(_NEW_ROUND)
        with rig.stream(tmp_path / "third", **_SESSION):
            wait_for(lambda: log.read_text().count(_NEW_ROUND) > rounds, "it is told to join anew")
            assert group().state == _JOINING
            assert stop(child) == 0, log.read_text()
            wait_for(lambda: len(group().members) == 2, "it is no member any more")
            assert group().state == _JOINING


def test_a_client_that_has_not_found_kafka_yet() -> None:
    async def stop() -> bool:
        thread: Any = ConsumerThread.__new__(ConsumerThread)
        thread._consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id="group")
        await thread.on_thread_stop()
        return bool(thread._consumer._closed)

    assert asyncio.run(stop())
