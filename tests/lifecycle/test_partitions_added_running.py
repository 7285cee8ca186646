"""Partitions are added to one topic under running services: both end by name, and by the book work goes on."""

from collections import Counter

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from streams.intake import FAILED
from tests.faults.conftest import MakePipeline
from tests.lifecycle.made_anew import chat, events_of_now
from tests.lifecycle.service_log import ended
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = pytest.mark.kafka


def test_both_services_end_and_go_on_once_all_topics_have_them(pipeline: MakePipeline) -> None:
    one = pipeline(2)
    stream, worker = one.add_stream(1), one.add_worker(1)
    stream.command, worker.command = ("tests.streams.watching_child",), ("tests.worker.watching_child",)
    one.start_all()
    rig, names = one.rig, one.rig.names

    def answers(count: int) -> Counter[tuple[int, int]]:
        found: Counter[tuple[int, int]] = Counter()

        def enough() -> bool:
            found.clear()
            found.update((event.source.partition, event.source.offset) for event in events_of_now(rig, one.partitions))
            return len(found) >= count

        wait_for(enough, f"{count} messages are answered; see\n{one.logs()}", 120.0)
        return found

    rig.publish(chat(200, 2, seed=1))
    answers(200)
    admin = AdminClient({"bootstrap.servers": rig.bootstrap, "log_level": 0})

    def grow(topic: str) -> None:
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result(20)
        wait_for(lambda: len(admin.list_topics(timeout=5).topics[topic].partitions) == 3, f"{topic} has grown")

    grow(names.messages)
    assert ended(stream) == ("TopicsError", FAILED)
    assert ended(worker) == ("MISCONFIGURED", ExitCode.MISCONFIGURED)
    for topic in (names.requests, names.events):
        grow(topic)
    one.partitions = 3
    rig.publish(chat(150, 3, seed=2))
    one.start_all()
    found = answers(350)
    assert set(found.values()) == {1}
    assert {partition for partition, _ in found} == {0, 1, 2}
    one.stop()
