"""Windows follow their conversations when partitions were added (docs/lifecycle.md): a step while nothing runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from confluent_kafka import KafkaException
from redis.exceptions import NoPermissionError, RedisError

from schemas.kafka_refusals import lacking, lacks_right
from sentistream.doctor.cluster import Cluster, UnreachableError
from sentistream.doctor.groups import GroupPlace
from sentistream.doctor.partitioners import murmur2
from sentistream.errors import ServiceError
from sentistream.forgetting.topics import MessagesTopic, messages_topic
from streams.settings import StreamsSettings
from streams.window import topic_key, window_keys
from trainer.lock import connect

#: In Redis; deploy/acls/redis.acl has them too.
RIGHTS: Final = "~sentistream:window:* +scan +zrange +pttl +zadd +pexpire +del +hmget +hset +hget"
_AT_ONCE: Final = 500
#: As streams/window.lua has it.
_TRIMMED: Final = b"trimmed"
_TRIMMED_SCORE: Final = -1


@dataclass(frozen=True, slots=True)
class Moves:
    """Attributes: windows moved; those left where their conversation's id does not lead, by whatever key they came."""

    moved: int
    elsewhere: int


@dataclass(frozen=True, slots=True)
class _Move:
    source: str
    target: str


def move_windows(settings: StreamsSettings) -> Moves:
    """Move each window to the partition of its conversation; the same call again goes on where one was broken off.

    Raises:
        ServiceError: a stream is at work, messages wait for it, or Kafka or Redis does not do its part.
        TopicError: ``chat.messages`` is not there.
    """
    topic = messages_topic(settings, settings)
    _check_at_rest(settings, topic)
    client: Any = connect(settings)
    try:
        return _move_all(client, topic)
    except NoPermissionError as error:
        raise ServiceError(f"Redis refuses: {error}. This command's user needs {RIGHTS}") from error
    except (RedisError, OSError) as error:
        raise ServiceError(f"Redis did not do its work: {error}. Check REDIS_URL, then run this again") from error
    finally:
        client.close()


def _check_at_rest(settings: StreamsSettings, topic: MessagesTopic) -> None:
    """A turn that a stream adds later would stay behind in the old partition."""
    cluster = Cluster(settings)
    name, messages = settings.streams_group, settings.messages
    try:
        group = cluster.group(name)
        committed = cluster.committed(name, messages, topic.partitions)
        bounds = cluster.bounds(messages, topic.partitions)
        place = GroupPlace("streams", name, messages, group, committed, bounds)
    except (KafkaException, UnreachableError) as error:
        told = _lacking(error, name, messages) or str(error)
        raise ServiceError(f"whether the group {name} is at rest cannot be told: {told}") from error
    if place.members:
        raise ServiceError(
            f"the group {name} has {len(place.members)} members. Stop all streams first; one with STREAMS_INSTANCE "
            "counts until KAFKA_SESSION_TIMEOUT_MS is over"
        )
    if place.lag:
        raise ServiceError(
            f"{place.lag} messages of {messages} wait for the streams. Stop the publishers, let the streams drain, and "
            "run this again"
        )


def _lacking(error: Exception, group: str, topic: str) -> str | None:
    """The right that lacks, if that is it."""
    if not isinstance(error, KafkaException) or not lacks_right(error.args[0]):
        return None
    right = lacking(error.args[0], f"Describe on topic {topic}", group)
    return f"this login lacks {right}. deploy/acls has all that is needed"


def _move_all(client: Any, topic: MessagesTopic) -> Moves:
    known = client.hget(topic_key(topic.topic_id), "partitions")
    before = topic.partitions if known is None else int(known)
    if before >= topic.partitions:
        return Moves(0, 0)
    moved = elsewhere = 0
    found = _moves(client, topic, before)
    while some := list(islice(found, _AT_ONCE)):
        moves = [one for one in some if one is not None]
        elsewhere += len(some) - len(moves)
        moved += _move(client, moves)
    _carry_losses(client, topic, before)
    if not elsewhere:
        # Last: the stream takes it that no window is anywhere else.
        client.hset(topic_key(topic.topic_id), "partitions", str(topic.partitions))
    return Moves(moved, elsewhere)


def _moves(client: Any, topic: MessagesTopic, before: int) -> Iterator[_Move | None]:
    """Each window that must move; None for one that came by another key than its conversation's id."""
    prefixes = window_keys(topic.topic_id, topic.partitions, "")
    partition_of = {prefix: number for number, prefix in enumerate(prefixes)}
    for found in client.scan_iter(match=f"sentistream:window:{{{topic.topic_id}:*", count=1000):
        head, between, conversation = found.decode().partition("}:")
        partition = partition_of.get(f"{head}{between}")
        if partition is None or not conversation:
            continue
        hashed = murmur2(conversation.partition("\x1f")[2].encode())
        if hashed % topic.partitions == partition:
            continue
        if hashed % before != partition:
            yield None
        else:
            yield _Move(found.decode(), f"{prefixes[hashed % topic.partitions]}{conversation}")


def _move(client: Any, moves: Sequence[_Move]) -> int:
    """All of some windows are at their targets before any is taken away: a break leaves nothing that is nowhere.

    Returns:
        How many there were: a scan may find one twice.
    """
    pipe = client.pipeline(transaction=False)
    for one in moves:
        pipe.zrange(one.target, 0, -1, withscores=True)
        pipe.zrange(one.source, 0, -1, withscores=True)
        pipe.pttl(one.source)
    answers = pipe.execute()
    there = [one for one in zip(moves, answers[::3], answers[1::3], answers[2::3], strict=True) if one[2]]
    pipe = client.pipeline(transaction=False)
    for one, earlier, entries, ttl_ms in there:
        pipe.zadd(one.target, _before_all((*earlier, *entries)))
        pipe.pexpire(one.target, max(ttl_ms, 1))
    pipe.execute()
    pipe = client.pipeline(transaction=False)
    for one, *_ in there:
        pipe.delete(one.source)
    pipe.execute()
    return len({one.source for one, *_ in there})


def _before_all(entries: Iterable[tuple[bytes, float]]) -> dict[bytes, float]:
    """The same entries in the same order, with scores below every offset of the new partition."""
    members = dict.fromkeys(member for member, _ in entries)
    turns = [one for one in members if one != _TRIMMED]
    scores = {one: -1 + (place + 1) / (len(turns) + 1) for place, one in enumerate(turns)}
    return scores | ({_TRIMMED: _TRIMMED_SCORE} if _TRIMMED in members else {})


def _carry_losses(client: Any, topic: MessagesTopic, before: int) -> None:
    """What a partition's windows may lack, they lack in the new one too; told by the latest time of all."""
    states = [prefix.removesuffix(":") for prefix in window_keys(topic.topic_id, topic.partitions, "")]
    told = [one for state in states[:before] for one in client.hmget(state, "lost_at", "grown_at") if one is not None]
    if not told:
        return
    latest = max(told, key=float)
    for state in states:
        client.hset(state, "grown_at", latest)
