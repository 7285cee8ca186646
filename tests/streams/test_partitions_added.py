"""Partitions are added by the book (docs/lifecycle.md): conversations that move keep order, and say what they lack."""

from collections import defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from prometheus_client import REGISTRY

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.request import SanmRequest
from schemas.topics import TopicNames
from sentistream.cli import main
from sentistream.doctor.partitioners import murmur2
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.replay import expected_hashes
from streams.torn_conversations import TornConversations
from streams.window import Group, PartitionWork
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import Published, StreamRig, make_messages, stop
from tests.waiting import wait_for


def _by_murmur2(messages: list[ChatMessage], partitions: int) -> list[Published]:
    keys = [one.conversation_id.encode() for one in messages]
    return [(murmur2(key) % partitions, key, encode(one)) for key, one in zip(keys, messages, strict=True)]


def _counts(admin: AdminClient, names: TopicNames) -> set[int]:
    found = admin.list_topics(timeout=5).topics
    return {len(found[name].partitions) for name in (names.messages, names.requests, names.events)}


def _move_windows(rig: StreamRig) -> bool:
    """Refused as long as Kafka takes the stream for a member."""
    names = ("KAFKA_BOOTSTRAP_SERVERS", "TOPIC_PREFIX", "REDIS_URL", "STREAMS_GROUP")
    environment = {name: rig.environment[name] for name in names}
    done = CliRunner().invoke(main, ["topics", "move-windows"], env=environment)
    assert done.exit_code == 0 or "has 1 members" in done.output, done.output
    return done.exit_code == 0


@pytest.mark.kafka
@pytest.mark.soak
@pytest.mark.parametrize("move", [False, True], ids=["windows left", "windows moved"])
def test_conversations_go_on_in_order_and_windows_are_whole_or_degraded(
    kafka: EmbeddedKafka,
    redis_server: EmbeddedRedis,
    topics: TopicsFactory,
    model: Path,
    builder: PartsBuilder,
    tmp_path: Path,
    *,
    move: bool,
) -> None:
    """With a static member that is back within its session, the hardest case; or with `topics move-windows`."""
    log, names = tmp_path / "log", topics(2)
    rig = StreamRig(kafka.bootstrap_servers, redis_server.url, names, model)
    static = {"STREAMS_INSTANCE": "one", "KAFKA_SESSION_TIMEOUT_MS": "6000" if move else "45000"}
    messages = make_messages(600, conversations=20)
    rig.publish(_by_murmur2(messages[:300], 2))
    with rig.stream(log, **static) as child:
        wait_for(lambda: rig.done(2) == 300, "all is drained")
        assert stop(child) == 0, log.read_text()
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    for name in (names.messages, names.requests, names.events):
        admin.create_partitions([NewPartitions(name, 3)])[name].result(10)
    wait_for(lambda: _counts(admin, names) == {3}, "all three have grown")
    if move:
        wait_for(lambda: _move_windows(rig), "the member's session is over, and the windows are moved")
    with rig.stream(log, **static) as child:
        rig.publish(_by_murmur2(messages[300:], 3))
        wait_for(lambda: rig.done(3) == 600, "all is taken, in the new partition too")
        found = rig.requests(3)
        assert stop(child) == 0, log.read_text()
    assert ("partitions_were_added" in log.read_text()) is not move
    requests = {one.message.message_id: one for rows in found.values() for one in rows if isinstance(one, SanmRequest)}
    assert set(requests) == {one.message_id for one in messages}
    conversations = defaultdict(list)
    for one in messages:
        conversations[one.conversation_id].append(one)
    moved = other = 0
    for said in conversations.values():
        moved += len({requests[one.message_id].source.partition for one in said}) == 2
        times = [requests[one.message_id].requested_at for one in said]
        assert times == sorted(times), "asked in the order in which it was said"
        expected = expected_hashes("t", 0, [(place, encode(one)) for place, one in enumerate(said)], builder)
        for one, (_, hashed) in zip(said, expected, strict=True):
            request = requests[one.message_id]
            whole = request.prompt_hash == hashed
            other += not whole
            assert whole or request.degraded
    assert moved
    if move:
        assert not other
        assert not any(one.degraded for one in requests.values())
    else:
        assert other, "no conversation that moved lacked a turn, so this test shows nothing"
        assert not any(requests[one.message_id].degraded for one in messages[:300])


def test_a_conversation_in_two_partitions_is_counted_once_and_warned_of_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(partition: int, *conversations: str, replay: bool = False) -> PartitionWork:
        entries = [] if replay else [(0, b"[0]")]
        return PartitionWork("t", partition, -1, 0, 0, [Group(name, 0, entries) for name in conversations])

    def counted() -> float:
        return REGISTRY.get_sample_value("sentistream_streams_torn_conversations_total") or 0.0

    before, torn = counted(), TornConversations()
    torn.look([work(0, "a", "b", "c"), work(1, "d")])
    assert counted() == before
    torn.look([work(1, "a", "a", "b"), work(1, "c", replay=True)])
    torn.look([work(1, "a")])
    assert counted() == before + 2
    assert capsys.readouterr().out.count("conversation_in_two_partitions") == 1
