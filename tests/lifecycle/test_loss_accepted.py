"""Messages are deleted unread: as the runbook has it, ACCEPT_LOSS goes on, for those who need it, and only once."""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from sentistream.consumer_groups import group_state
from streams.intake import FAILED
from tests.faults.conftest import MakePipeline
from tests.lifecycle.made_anew import chat, events_of_now
from tests.lifecycle.service_log import ended, lines
from tests.waiting import wait_for
from worker.errors import ExitCode

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("forgotten", [False, True], ids=["offsets kept", "offsets forgotten too"])
def test_a_loss_is_named_and_accepted_by_those_who_meet_it(pipeline: MakePipeline, *, forgotten: bool) -> None:
    """The stream's requests say how far it had been, so that the worker meets no gap; unless Kafka forgot that too."""
    one = pipeline(1)
    stream, worker = one.add_stream(1), one.add_worker(1, GAP_DEADLINE_SECONDS="2")
    rig = one.rig

    def answered(count: int) -> list[int]:
        found: list[int] = []

        def enough() -> bool:
            found[:] = [event.source.offset for event in events_of_now(rig, 1)]
            return len(found) >= count

        wait_for(enough, f"{count} messages are answered; see\n{one.logs()}", 120.0)
        return found

    one.start_all()
    rig.publish(chat(100, 1, seed=1))
    answered(100)
    one.stop()
    rig.publish(chat(200, 1, seed=2))
    # Its answers only come while it lives.
    admin, place = AdminClient({"bootstrap.servers": rig.bootstrap}), TopicPartition(rig.names.messages, 0, 150)
    admin.delete_records([place])[place].result(20)

    if forgotten:
        group = rig.environment["STREAMS_GROUP"]
        connection = KafkaSettings(kafka_bootstrap_servers=rig.bootstrap)
        wait_for(lambda: not group_state(connection, group, rig.names.messages).members, "the session's end")
        admin.delete_consumer_groups([group])[group].result(20)

    one.start(stream)
    assert ended(stream) == ("LostRangeError", FAILED)
    assert "offsets 100 to 149 of partition 0" in lines(stream, "streams_failed")[0]["error"]
    stream.settings["ACCEPT_LOSS"] = "true"
    one.start_all()
    if forgotten:
        assert ended(worker) == ("REQUESTS_MISSING", ExitCode.REQUESTS_MISSING), "it meets the same loss"
        (gap,) = lines(worker, "gap_seen")
        assert (gap["missing_from"], gap["missing_to"]) == (100, 149)
        worker.settings["ACCEPT_LOSS"] = "true"
        one.start(worker)
    rest = [*range(100), *range(150, 300)]
    assert answered(250) == rest
    (lost,) = lines(stream, "messages_lost")
    assert (lost["first"], lost["last"]) == (100, 149)
    accepted = [(told["missing_from"], told["missing_to"]) for told in lines(worker, "loss_accepted")]
    assert accepted == ([(100, 149)] if forgotten else [])
    one.stop()

    for service in one.services:
        service.settings.pop("ACCEPT_LOSS", None)
    rig.publish(chat(50, 1, seed=3))
    one.start_all()
    assert answered(300) == [*rest, *range(300, 350)], "with the setting taken back, all is as it was"
    one.stop()
