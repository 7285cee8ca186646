"""Which dead letters go back through chat.messages, and as what."""

from collections.abc import Iterable

import pytest

from schemas.chat import ChatMessage, Source
from schemas.codec import decode, encode
from schemas.connections import KafkaSettings
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.prompt import PromptParts
from schemas.request import SanmRequest
from schemas.taxonomy import load_taxonomy
from schemas.topics import TopicNames
from sentistream.dead_letters import REPLAY_HEADER, Attempt, Replayer, StoredLetter, choose
from sentistream.errors import PlaceError
from sentistream.publisher import Place
from sentistream.topic_reader import StoredRecord
from tests.sentistream.synthetic import THEN, TOPIC_ID, make_letter, source_of

MESSAGE = ChatMessage(message_id="m", conversation_id="c", speaker="ana", text="hello", sent_at=THEN)
PLACE = Place(3, 17)


def stored(value: bytes | None, letter: DeadLetter, *, at: int = 0) -> StoredLetter:
    headers = (*letter.to_headers(), ("traceparent", b"00-1-2-01"))
    return StoredLetter(StoredRecord(Place(0, at), b"c", value, headers), letter)


def plan(letters: Iterable[StoredLetter], *already: str, topic_id: str = TOPIC_ID) -> list[Attempt]:
    return list(Replayer(KafkaSettings(), TopicNames(), topic_id, already).plan(letters))


def request_of(message: ChatMessage, place: Place) -> bytes:
    meld = load_taxonomy("meld")
    prompt = PromptParts(
        template="completion",
        language="en",
        message={"speaker": message.speaker, "text": message.text},
        taxonomy="meld",
        labels=meld.labels,
    )
    request = SanmRequest(
        source=source_of(place),
        after=place.offset - 1,
        received_at=THEN,
        message=message,
        prompt=prompt,
        prompt_hash="0" * 64,
        tokenizer="0" * 64,
        requested_at=THEN,
    )
    return encode(request)


def replayed_message(attempt: Attempt) -> ChatMessage:
    assert attempt.outcome == "replay"
    assert attempt.outbound is not None
    return decode(ChatMessage, attempt.outbound.value)


def test_a_message_goes_back_marked_to_its_own_partition_and_key() -> None:
    (attempt,) = plan([stored(encode(MESSAGE), make_letter(PLACE, "invalid"))])
    assert replayed_message(attempt).replay_of == source_of(PLACE)
    assert attempt.outbound is not None
    assert attempt.outbound.key == b"c"
    assert attempt.outbound.partition == PLACE.partition
    headers = dict(attempt.outbound.headers)
    assert headers[REPLAY_HEADER] == source_of(PLACE).event_id.encode()
    assert headers["traceparent"] == b"00-1-2-01"
    assert "sentistream-reason" not in headers


def test_a_refused_prompts_message_is_taken_out_of_its_request() -> None:
    letter = make_letter(PLACE, "prompt_refused", topic="sanm.requests")
    (attempt,) = plan([stored(request_of(MESSAGE, PLACE), letter)])
    assert replayed_message(attempt).replay_of == source_of(PLACE)


def test_the_replay_of_a_replay_still_uses_the_first_window() -> None:
    first = Source(topic_id=TOPIC_ID, partition=3, offset=2)
    again = MESSAGE.model_copy(update={"replay_of": first})
    (attempt,) = plan([stored(encode(again), make_letter(PLACE, "invalid"))])
    assert replayed_message(attempt).replay_of == first
    assert attempt.outbound is not None
    assert dict(attempt.outbound.headers)[REPLAY_HEADER] == source_of(PLACE).event_id.encode()


@pytest.mark.parametrize("value", [None, b"\xff", b"{", b"[]", b'{"text":"hi"}'])
def test_what_is_still_no_message_stays_where_it_is(value: bytes | None) -> None:
    (attempt,) = plan([stored(value, make_letter(PLACE))])
    assert attempt.outcome == "not_readable"
    assert attempt.outbound is None


def test_a_message_is_replayed_once() -> None:
    letters = [stored(encode(MESSAGE), make_letter(PLACE, "invalid"), at=at) for at in (0, 1)]
    assert [one.outcome for one in plan(letters)] == ["replay", "already_replayed"]
    assert [one.outcome for one in plan(letters, source_of(PLACE).event_id)] == ["already_replayed"] * 2


def test_in_a_topic_made_anew_any_partition_does() -> None:
    (attempt,) = plan([stored(encode(MESSAGE), make_letter(PLACE, "invalid"))], topic_id="another")
    assert attempt.outbound is not None
    assert attempt.outbound.partition is None


def test_a_request_that_cannot_be_read_in_a_topic_made_anew_is_gone() -> None:
    letter = make_letter(PLACE, "request_unreadable", topic="sanm.requests")
    (attempt,) = plan([stored(b"?", letter)], topic_id="another")
    assert attempt.outcome == "gone"


def test_letters_are_chosen_by_name_or_reason() -> None:
    reasons: tuple[DeadLetterReason, ...] = ("not_json", "empty")
    letters = [stored(b"", make_letter(PLACE, reason), at=at) for at, reason in enumerate(reasons)]
    assert [one.name for one in choose(letters, ("0:1",), None)] == ["0:1"]
    assert [one.name for one in choose(letters, (), "not_json")] == ["0:0"]
    with pytest.raises(PlaceError, match="9:9"):
        choose(letters, ("9:9",), None)
