"""Proves the fate of every record of `chat.messages`, as a `read_committed` reader sees it."""

from collections import Counter
from dataclasses import dataclass

from prompts.parts import PartsBuilder
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.event import EmotionEvent
from streams.replay import expected_hashes
from tests.streams.stream_rig import StreamRig

Place = tuple[int, int]


@dataclass(frozen=True)
class Fates:
    """What became of all records.

    Attributes:
        lost: records without event or dead letter.
        doubled: events and dead letters past the first of their record.
        disordered: events that stand before one of an earlier message of their conversation.
        other_windows: events whose prompt is another than in an offline replay, and that do not say `degraded`.
    """

    records: int
    lost: int
    doubled: int
    disordered: int
    other_windows: int

    @property
    def clean(self) -> bool:
        return self.lost == self.doubled == self.disordered == self.other_windows == 0


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    times: int
    fates: Fates
    seconds: float


def check(rig: StreamRig, builder: PartsBuilder, partitions: int) -> Fates:
    """Read everything, and compare."""
    published = rig.read(rig.names.messages, partitions)
    events = [
        (partition, decode(EmotionEvent, value))
        for partition, found in rig.read(rig.names.events, partitions).items()
        for _, _, value, _ in found
    ]
    copies = Counter((event.source.partition, event.source.offset) for _, event in events)
    for found in rig.read(rig.names.dead_letters, partitions).values():
        for _, _, _, headers in found:
            source = DeadLetter.from_headers(list(headers)).source
            assert source is not None
            copies[source.partition, source.offset] += 1
    places = {(partition, offset) for partition, found in published.items() for offset, *_ in found}
    assert set(copies) <= places, "an event for a message that nobody sent"
    return Fates(
        records=len(places),
        lost=len(places - set(copies)),
        doubled=sum(count - 1 for count in copies.values()),
        disordered=_disordered(events),
        other_windows=_other_windows(rig, builder, partitions, events),
    )


def seen(rig: StreamRig, partitions: int) -> int:
    """How many records have a fate so far, doubles counted."""
    outputs = (rig.names.events, rig.names.dead_letters)
    return sum(len(found) for topic in outputs for found in rig.read(topic, partitions).values())


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| fault | times | records | lost | doubled | out of order | other windows | seconds |", "|---" * 8 + "|"]
    for row in rows:
        fates = row.fates
        lines.append(
            f"| {row.fault} | {row.times} | {fates.records} | {fates.lost} | {fates.doubled} | {fates.disordered} "
            f"| {fates.other_windows} | {row.seconds:.0f} |"
        )
    return "\n".join(lines)


def _disordered(events: list[tuple[int, EmotionEvent]]) -> int:
    latest: dict[str, int] = {}
    count = 0
    for partition, event in events:
        assert partition == event.source.partition, "an event in another partition than its message"
        before = latest.get(event.conversation_id, -1)
        count += event.source.offset < before
        latest[event.conversation_id] = max(before, event.source.offset)
    return count


def _other_windows(
    rig: StreamRig, builder: PartsBuilder, partitions: int, events: list[tuple[int, EmotionEvent]]
) -> int:
    if not events:
        return 0
    topic_id = events[0][1].source.topic_id
    expected: dict[Place, str] = {}
    for partition, records in rig.read(rig.names.messages, partitions).items():
        values = [(offset, value) for offset, _, value, _ in records]
        for source, digest in expected_hashes(topic_id, partition, values, builder):
            expected[partition, source.offset] = digest
    return sum(
        event.prompt_hash != expected[event.source.partition, event.source.offset]
        for _, event in events
        if not event.degraded
    )
