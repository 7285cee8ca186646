"""One batch: from records to requests, with one round trip to Redis in between."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prompts.parts import HistoryRule, MeasuredTurn, PartsBuilder
from prompts.windows import conversation_key
from schemas.chat import ChatMessage
from streams.entries import CHECKSUM_CHARACTERS, decode_window, encode_entry
from streams.metrics import DEGRADED, REJECTED
from streams.records import Headers, Record, Refusal, read
from streams.requests import RequestEncoder, request_headers
from streams.window import Found, Group, PartitionWork


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record for ``sanm.requests``."""

    partition: int
    key: bytes | None
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class _Row:
    """A record that holds a message; ``group`` is its place among the partition's groups."""

    record: Record
    message: ChatMessage
    turn: MeasuredTurn
    stored: MeasuredTurn
    group: int


@dataclass(frozen=True, slots=True)
class Share:
    """A partition's records of one batch, in order, and what is to be asked of Redis for them."""

    records: Sequence[Record]
    refusals: dict[int, Refusal]
    rows: dict[int, _Row]
    work: PartitionWork


class BatchBuilder:
    """Makes the requests of one topic for one model and taxonomy."""

    def __init__(self, builder: PartsBuilder, topic_id: str) -> None:
        self._builder = builder
        self._topic_id = topic_id
        self._encoder = RequestEncoder(topic_id, builder)
        self._checksum = builder.tokenizer.sha256[:CHECKSUM_CHARACTERS]

    @property
    def topic_id(self) -> str:
        """Kafka's id of ``chat.messages``."""
        return self._topic_id

    def shares(self, records: Sequence[Record], floor: Callable[[int], int]) -> list[Share]:
        """Read, measure and group the records, by partition; all texts in one call of the tokenizer.

        Args:
            records: in order within each partition.
            floor: by partition, the offset that no process goes back behind.
        """
        read_ones = [(record, read(record.value)) for record in records]
        messages = [(record, one) for record, one in read_ones if isinstance(one, ChatMessage)]
        turns = self._builder.measure([message for _, message in messages])
        measured = {(record.partition, record.offset): turn for (record, _), turn in zip(messages, turns, strict=True)}
        by_partition: dict[int, list[tuple[Record, ChatMessage | Refusal]]] = {}
        for one in read_ones:
            by_partition.setdefault(one[0].partition, []).append(one)
        return [self._share(found, measured, floor(partition)) for partition, found in by_partition.items()]

    def requests(self, share: Share, found: Found, received_at: str) -> Iterator[Outgoing]:
        """The requests of a share, in order."""
        rule = self._builder.rule
        windows = [self._window(value) for value in found.windows]
        now = datetime.now(UTC).isoformat()
        for record in share.records:
            if refusal := share.refusals.get(record.offset):
                REJECTED.labels(refusal.reason).inc()
                value = self._encoder.rejected(record, refusal, received_at)
                yield Outgoing(record.partition, record.key, value, request_headers(record, rejected=True))
                continue
            row = share.rows[record.offset]
            turns, trimmed = windows[row.group]
            before = turns[max(len(turns) - rule.turns, 0) :]
            degraded = self._degraded(row, before, found.lost_at, trimmed=trimmed)
            prompt = self._builder.encode(self._builder.choose(row.message, row.turn, before))
            value = self._encoder.request(record, row.message, prompt, received_at, now, degraded=degraded)
            if degraded:
                DEGRADED.inc()
            key = row.message.conversation_id.encode()
            yield Outgoing(record.partition, key, value, request_headers(record, rejected=False))
            if row.message.replay_of is None:
                turns.append(row.stored)

    def _share(
        self,
        found: Sequence[tuple[Record, ChatMessage | Refusal]],
        measured: dict[tuple[int, int], MeasuredTurn],
        floor: int,
    ) -> Share:
        refusals: dict[int, Refusal] = {}
        rows: dict[int, _Row] = {}
        places: dict[str, int] = {}
        groups: list[tuple[str, int, list[tuple[int, bytes]]]] = []
        replays: list[tuple[Record, ChatMessage]] = []
        for record, one in found:
            if isinstance(one, Refusal):
                refusals[record.offset] = one
                continue
            if one.replay_of is not None:
                replays.append((record, one))
                continue
            conversation = conversation_key(one)
            place = places.setdefault(conversation, len(groups))
            if place == len(groups):
                groups.append((conversation, record.offset, []))
            turn = measured[record.partition, record.offset]
            stored = self._builder.stored(turn)
            groups[place][2].append((record.offset, encode_entry(record.offset, stored, self._checksum)))
            rows[record.offset] = _Row(record, one, turn, stored, place)
        # After the adding groups, so that a replay finds an original's neighbours of this very batch.
        for record, one in replays:
            turn = measured[record.partition, record.offset]
            rows[record.offset] = _Row(record, one, turn, turn, len(groups))
            groups.append((conversation_key(one), one.replay_of.offset if one.replay_of else 0, []))
        records = [record for record, _ in found]
        # Offsets without a record, such as a transaction's mark, may be committed before the record behind them is
        # answered. By a floor above where the process stands it would seem, were Redis asked again, to have gone back.
        floor = min(floor, records[0].after + 1)
        work = PartitionWork(
            topic_id=self._topic_id,
            partition=records[0].partition,
            after=records[0].after,
            last=max(record.offset for record in records),
            floor=floor,
            groups=[Group(*group) for group in groups],
        )
        return Share(records, refusals, rows, work)

    def _window(self, value: bytes) -> tuple[list[MeasuredTurn], bool]:
        window = decode_window(value, self._checksum)
        turns = window.turns
        for index in window.recount:
            turns[index] = self._builder.recounted(turns[index])
        return turns, window.trimmed

    def _degraded(self, row: _Row, before: Sequence[MeasuredTurn], lost_at: float | None, *, trimmed: bool) -> bool:
        original = row.message.replay_of
        if original is not None:
            elsewhere = (original.topic_id, original.partition) != (self._topic_id, row.record.partition)
            if elsewhere or (trimmed and reaches_back(row.turn, before, self._builder.rule)):
                return True
        return lost_at is not None and may_lack(row.turn, before, lost_at, self._builder.rule)


def reaches_back(turn: MeasuredTurn, before: Sequence[MeasuredTurn], rule: HistoryRule) -> bool:
    """Older turns than those that were found would stand in the prompt too, were there any."""
    if len(before) >= rule.turns:
        return False
    later = turn.sent_at
    for one in reversed(before):
        if later - one.sent_at > rule.session_gap:
            return False
        later = one.sent_at
    return True


def may_lack(turn: MeasuredTurn, before: Sequence[MeasuredTurn], lost_at: float, rule: HistoryRule) -> bool:
    """The prompt may lack turns that were sent before ``lost_at`` and are gone."""
    oldest = before[0].sent_at if before else turn.sent_at
    return reaches_back(turn, before, rule) and oldest - lost_at <= rule.session_gap
