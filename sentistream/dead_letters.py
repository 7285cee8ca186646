"""What stands in ``dead.letters``, and which of it can be tried again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from pydantic import ValidationError

from schemas.chat import ChatMessage, Source
from schemas.codec import decode, decode_request, encode
from schemas.connections import KafkaSettings
from schemas.dead_letter import DeadLetter
from schemas.errors import SchemaError
from schemas.request import SanmRequest
from schemas.topics import TopicNames
from sentistream.errors import PlaceError
from sentistream.publisher import Outbound, Place
from sentistream.topic_reader import StoredRecord, read_record, read_topic

#: On a replayed record: the event id that the dead letter's message would have had.
REPLAY_HEADER: Final = "sentistream-replay-of"
_OWN_HEADERS: Final = "sentistream-"
#: Between the worker that dated a letter and whoever replays it.
_CLOCKS_DIFFER: Final = timedelta(hours=1)

Outcome = Literal["replay", "already_replayed", "not_readable", "gone"]


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter and where it stands in its own topic."""

    record: StoredRecord
    letter: DeadLetter

    @property
    def name(self) -> str:
        """As the command line names it."""
        return f"{self.record.place.partition}:{self.record.place.offset}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a replay does with one dead letter.

    Attributes:
        detail: why it is not replayed, without the message's text.
        outbound: for ``chat.messages``; None where it is not replayed.
    """

    letter: StoredLetter
    outcome: Outcome
    detail: str = ""
    outbound: Outbound | None = None


def read_letters(connection: KafkaSettings, names: TopicNames) -> list[StoredLetter]:
    """All dead letters, oldest first; what is none is left out."""
    found = []
    for record in read_topic(connection, names.dead_letters):
        try:
            found.append(StoredLetter(record, DeadLetter.from_headers(list(record.headers))))
        except (ValidationError, UnicodeDecodeError):
            continue
    return sorted(found, key=lambda one: one.letter.failed_at)


def choose(letters: Sequence[StoredLetter], names: Sequence[str], reason: str | None) -> list[StoredLetter]:
    """Those that are named, or all of a reason, or all.

    Raises:
        PlaceError: there is none of that name.
    """
    known = {one.name: one for one in letters}
    if unknown := [name for name in names if name not in known]:
        raise PlaceError(f"no dead letter {', '.join(unknown)}: `sentistream dlq list` names them, as PARTITION:OFFSET")
    chosen = [known[name] for name in names] if names else list(letters)
    return [one for one in chosen if reason is None or one.letter.reason == reason]


def replayed_sources(connection: KafkaSettings, names: TopicNames, letters: Sequence[StoredLetter]) -> set[str]:
    """Event ids of what has gone back through ``chat.messages`` since the oldest of these letters."""
    if not letters:
        return set()
    since_ms = int((min(one.letter.failed_at for one in letters) - _CLOCKS_DIFFER).timestamp() * 1000)
    headers = (header for record in read_topic(connection, names.messages, since_ms) for header in record.headers)
    return {value.decode(errors="replace") for name, value in headers if name == REPLAY_HEADER}


class Replayer:
    """Plans replays: the original message, marked, in its original partition, under its original key.

    Args:
        connection: to Kafka.
        names: of the topics.
        topic_id: Kafka's id of ``chat.messages`` now; windows of an older topic of that name do not exist.
        already: event ids that were replayed before.
    """

    def __init__(self, connection: KafkaSettings, names: TopicNames, topic_id: str, already: Iterable[str]) -> None:
        self._connection = connection
        self._names = names
        self._topic_id = topic_id
        self._already = set(already)

    def plan(self, letters: Iterable[StoredLetter]) -> Iterator[Attempt]:
        """What becomes of each; the second letter of a message is not replayed beside the first."""
        for one in letters:
            source = one.letter.source
            if source is None:
                yield Attempt(one, "gone", "it does not name its chat message")
            elif source.event_id in self._already:
                yield Attempt(one, "already_replayed")
            else:
                attempt = self._attempt(one, source)
                if attempt.outcome == "replay":
                    self._already.add(source.event_id)
                yield attempt

    def _attempt(self, one: StoredLetter, source: Source) -> Attempt:
        original = self._original(one, source)
        if original is None:
            return Attempt(one, "gone", "Kafka does not have the chat message any more")
        key, message = original
        if isinstance(message, str):
            return Attempt(one, "not_readable", message)
        marked = message.model_copy(update={"replay_of": message.replay_of or source})
        headers = tuple(header for header in one.record.headers if not header[0].startswith(_OWN_HEADERS))
        mark = (REPLAY_HEADER, source.event_id.encode())
        # Where the window is; in a topic made anew there is none, and any partition does.
        partition = source.partition if source.topic_id == self._topic_id else None
        return Attempt(one, "replay", outbound=Outbound(key, encode(marked), (*headers, mark), partition))

    def _original(self, one: StoredLetter, source: Source) -> tuple[bytes | None, ChatMessage | str] | None:
        """The key and the message, or what is wrong with it; None where it is gone."""
        if one.letter.topic == self._names.messages:
            return one.record.key, _message(one.record.value)
        if one.letter.reason in ("prompt_refused", "too_old"):
            try:
                request = decode_request(one.record.value)
            except SchemaError as error:
                return one.record.key, str(error)
            if isinstance(request, SanmRequest):
                return one.record.key, request.message
        if source.topic_id != self._topic_id:
            return None
        record = read_record(self._connection, self._names.messages, Place(source.partition, source.offset))
        return None if record is None else (record.key, _message(record.value))


def _message(value: bytes | None) -> ChatMessage | str:
    try:
        return decode(ChatMessage, value)
    except SchemaError as error:
        return str(error)
