"""Proves the fate of every record of `chat.messages`, as a `read_committed` reader sees it once all is quiet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.event import EmotionEvent
from streams.records import read
from streams.replay import expected_hashes
from tests.faults.traffic import Place
from tests.streams.stream_rig import StreamRig

#: Offset, key, value, headers.
_Rows = Mapping[int, Sequence[tuple[int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]]


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of all records.

    Attributes:
        lost: records without event or dead letter.
        doubled: events and dead letters past the first of their record.
        disordered: events that stand before one of an earlier message of their conversation.
        mistaken: good records with a dead letter, broken ones with an event, and fates with another's content.
        other_windows: events whose prompt is another than in an offline replay of the topic.
        degraded: events that say of themselves that their window may lack turns.
        undeclared: of the other windows, those whose event does not say so.
    """

    records: int
    lost: int
    doubled: int
    disordered: int
    mistaken: int
    other_windows: int
    degraded: int
    undeclared: int = 0

    @property
    def clean(self) -> bool:
        """Nothing at all is wrong."""
        faults = (self.lost, self.doubled, self.disordered, self.mistaken, self.other_windows, self.degraded)
        return not any(faults)

    def __add__(self, other: "Fates") -> "Fates":
        """Of both runs together."""
        return Fates(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def check(rig: StreamRig, builder: PartsBuilder, partitions: int) -> Fates:
    """Read everything, and compare."""
    published = rig.read(rig.names.messages, partitions)
    values = {(partition, row[0]): row[2] for partition, rows in published.items() for row in rows}
    events = _events(rig.read(rig.names.events, partitions))
    letters = _letters(rig.read(rig.names.dead_letters, partitions))
    copies = Counter([_place(event) for event in events] + [place for place, _ in letters])
    assert set(copies) <= set(values), "a fate of a record that nobody published"
    others = _other_windows(published, events, builder)
    return Fates(
        records=len(values),
        lost=len(set(values) - set(copies)),
        doubled=sum(count - 1 for count in copies.values()),
        disordered=_disordered(events),
        mistaken=_mistaken(values, events, letters),
        other_windows=len(others),
        degraded=sum(event.degraded for event in events),
        undeclared=sum(not event.degraded for event in others),
    )


def _events(rows: _Rows) -> list[EmotionEvent]:
    """In the order of their partitions."""
    found = []
    for partition, some in rows.items():
        for _, _, value, _ in some:
            event = decode(EmotionEvent, value)
            assert event.source.partition == partition, "an event in another partition than its message"
            found.append(event)
    return found


def _letters(rows: _Rows) -> list[tuple[Place, bytes | None]]:
    found = []
    for some in rows.values():
        for _, _, value, headers in some:
            source = DeadLetter.from_headers(list(headers)).source
            assert source is not None, "a dead letter that names no message"
            found.append(((source.partition, source.offset), value))
    return found


def _place(event: EmotionEvent) -> Place:
    return event.source.partition, event.source.offset


def _disordered(events: Sequence[EmotionEvent]) -> int:
    latest: dict[tuple[str, str], int] = {}
    count = 0
    for event in events:
        conversation = (event.tenant, event.conversation_id)
        before = latest.get(conversation, -1)
        count += event.source.offset < before
        latest[conversation] = max(before, event.source.offset)
    return count


def _mistaken(
    values: Mapping[Place, bytes | None],
    events: Sequence[EmotionEvent],
    letters: Sequence[tuple[Place, bytes | None]],
) -> int:
    messages = {place: read(value) for place, value in values.items()}
    wrong = sum(value != values[place] or isinstance(messages[place], ChatMessage) for place, value in letters)
    for event in events:
        message = messages[_place(event)]
        wrong += not isinstance(message, ChatMessage) or _identity(event) != _identity(message)
    return wrong


def _identity(one: EmotionEvent | ChatMessage) -> tuple[str, str, str, str]:
    return one.tenant, one.conversation_id, one.message_id, one.speaker


def _other_windows(published: _Rows, events: Sequence[EmotionEvent], builder: PartsBuilder) -> list[EmotionEvent]:
    """Those whose prompt is not that of an offline replay."""
    topic_ids = {event.source.topic_id for event in events}
    expected: dict[Place, str] = {}
    for topic_id in topic_ids:
        for partition, rows in published.items():
            values = [(offset, value) for offset, _, value, _ in rows]
            for source, digest in expected_hashes(topic_id, partition, values, builder):
                expected[partition, source.offset] = digest
    return [event for event in events if event.prompt_hash != expected.get(_place(event))]
