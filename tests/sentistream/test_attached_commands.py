"""replay, chat and dlq against a running stream and worker, on the real Kafka and Redis."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from schemas.chat import ChatMessage, Source
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.event import EmotionEvent
from sentistream.publisher import Outbound, Place, Publisher
from sentistream.topic_reader import StoredRecord, read_topic
from streams.topic_facts import topic_facts
from tests.sentistream.conftest import Live
from tests.sentistream.synthetic import THEN
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

TURNS = [("ana", "you said friday!", "anger"), ("ben", "i know, sorry", "sadness"), ("ana", "we won!", "joy")]


def conversations_file(path: Path, count: int = 2) -> Path:
    rows = [
        {"conversation_id": f"c{number}", "speaker": speaker, "text": text, "label": label}
        for number in range(count)
        for speaker, text, label in TURNS
    ]
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return path


def test_replay_writes_every_figure(live: Live, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = live.sentistream(
        "replay", str(conversations_file(tmp_path / "chats.jsonl")), "--attach", "--report", str(report)
    )
    assert done.returncode == 0, done.stderr
    found = orjson.loads(report.read_bytes())
    assert set(found) == {
        *("messages", "events", "dead_letters", "missing", "duplicates", "wall_s", "messages_per_s", "latency_ms"),
        *("outliers", "model_calls", "mean_rounds", "accuracy", "macro_f1", "weighted_f1", "right_to_wrong"),
        *("wrong_to_right", "per_label"),
    }
    assert (found["messages"], found["events"], found["dead_letters"]) == (6, 6, 0)
    assert (found["missing"], found["duplicates"]) == (0, 0)
    assert found["model_calls"] >= 6
    assert sum(one["support"] for one in found["per_label"].values()) == 6


def test_a_second_replay_meets_no_leftover_windows(live: Live, tmp_path: Path) -> None:
    """The same turns have the same prompts: a longer history would change their hashes."""
    file = conversations_file(tmp_path / "chats.jsonl", count=1)
    before = len(events_of(live))
    for _ in range(2):
        assert live.sentistream("replay", str(file), "--attach").returncode == 0
    hashes = [event.prompt_hash for event in events_of(live)[before:]]
    assert hashes[:3] == hashes[3:]


def test_replay_counts_what_is_no_message_as_dead_letters(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    rows = [{"conversation_id": "c", "speaker": "ana", "text": text} for text in ("hi", "   ", "x" * 8001, "bye")]
    file.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    done = live.sentistream("replay", str(file), "--attach", "--report", str(tmp_path / "r.json"))
    assert done.returncode == 0, done.stderr
    found = orjson.loads((tmp_path / "r.json").read_bytes())
    assert (found["events"], found["dead_letters"], found["missing"]) == (2, 2, 0)
    assert "accuracy" not in found


def test_attaching_to_nothing_says_what_to_start(live: Live, tmp_path: Path) -> None:
    file = conversations_file(tmp_path / "chats.jsonl")
    done = live.sentistream("replay", str(file), "--attach", "--worker-group", "nobody")
    assert done.returncode == 1
    assert "no worker runs in group nobody" in done.stderr
    assert "sentistream worker" in done.stderr


def test_a_second_worker_beside_a_running_one_is_refused(live: Live, tmp_path: Path) -> None:
    file = conversations_file(tmp_path / "chats.jsonl")
    done = live.sentistream("replay", str(file), "--data", str(tmp_path), "--worker-id", "another")
    assert done.returncode == 1
    assert "--attach" in done.stderr


def test_chat_by_a_pipe_shows_each_event(live: Live) -> None:
    typed = "ana: you said friday!\n\ni know, sorry\n/as 小林\n你好\nnote that: this is one text\n/history\n"
    done = live.sentistream("chat", "--attach", stdin=typed)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert len(lines) == 8, done.stdout
    assert lines[:4] == lines[4:]
    assert lines[0].startswith("ana: you said friday!")
    assert lines[1].startswith("ben: i know, sorry")
    assert lines[2].startswith("小林: 你好")
    assert lines[3].startswith("小林: note that: this is one text")


def test_a_replayed_letter_uses_its_window_and_adds_nothing_to_it(live: Live) -> None:
    """A message that an older version refused: the same prompt as when it is taken, and no later prompt changes."""
    conversation = secrets.token_hex(4)
    untouched = secrets.token_hex(4)
    places = [publish(live, conversation, number) for number in range(3)]
    for number in range(3):
        publish(live, untouched, number)
    write_letter(live, conversation, 1, places[1])

    first = live.sentistream("dlq", "replay", "--reason", "invalid", "--json")
    assert orjson.loads(first.stdout)["counts"]["replay"] == 1, first.stderr
    wait_for(lambda: len(of_conversation(live, conversation)) == 4, "the replay's event")
    replayed = of_conversation(live, conversation)[-1]
    original = of_conversation(live, conversation)[1]
    assert replayed.replay
    assert replayed.event_id != original.event_id
    assert replayed.prompt_hash == original.prompt_hash

    for one in (conversation, untouched):
        publish(live, one, 3)
    wait_for(lambda: len(of_conversation(live, conversation)) == 5, "the last event")
    wait_for(lambda: len(of_conversation(live, untouched)) == 4, "the other last event")
    assert of_conversation(live, conversation)[-1].prompt_hash == of_conversation(live, untouched)[-1].prompt_hash

    ends = messages_count(live)
    second = live.sentistream("dlq", "replay", "--reason", "invalid", "--json")
    again = orjson.loads(second.stdout)["counts"]
    assert again["already_replayed"] == 1
    assert "replay" not in again
    assert messages_count(live) == ends


def test_dlq_lists_counts_and_keeps_texts_to_itself(live: Live) -> None:
    secret = "a very private sentence"
    publish_bytes(live, f'{{"text": "{secret}"'.encode())
    wait_for(lambda: any(secret.encode() in (one.value or b"") for one in letters_of(live)), "the dead letter")
    listed = live.sentistream("dlq", "list", "--reason", "not_json", "--json")
    found = orjson.loads(listed.stdout)
    assert found["counts"] == {"not_json": len(found["letters"])}
    place = found["letters"][-1]["place"]
    shown = live.sentistream("dlq", "show", place)
    dry = live.sentistream("dlq", "replay", place, "--dry-run")
    assert "still no message" in dry.stdout
    for done in (listed, shown, dry, live.sentistream("dlq", "list")):
        assert done.returncode == 0, done.stderr
        assert secret not in done.stdout + done.stderr
    assert secret in live.sentistream("dlq", "show", place, "--show-text").stdout


def test_dlq_names_what_it_cannot_find(live: Live) -> None:
    done = live.sentistream("dlq", "show", "99:1")
    assert done.returncode == 1
    assert "99:1" in done.stderr
    assert "dlq list" in done.stderr
    nothing_named = live.sentistream("dlq", "replay")
    assert nothing_named.returncode == 2
    assert "--all" in nothing_named.stderr


def message(conversation: str, number: int) -> ChatMessage:
    texts = ("hello there", "you said friday", "i know, sorry", "never mind")
    return ChatMessage(
        message_id=f"{conversation}-{number}",
        conversation_id=conversation,
        speaker=("ana", "ben")[number % 2],
        text=texts[number],
        sent_at=THEN,
    )


def publish(live: Live, conversation: str, number: int) -> Place:
    return publish_bytes(live, encode(message(conversation, number)), conversation.encode())


def publish_bytes(live: Live, value: bytes, key: bytes = b"bad") -> Place:
    publisher = Publisher(live.kafka, live.names.messages)
    found: list[Place] = []
    publisher.publish(Outbound(key, value), found.append)
    publisher.flush()
    return found[0]


def write_letter(live: Live, conversation: str, number: int, place: Place) -> None:
    topic_id = topic_facts(live.kafka, live.names).topic_id
    letter = DeadLetter(
        topic=live.names.messages,
        partition=place.partition,
        offset=place.offset,
        reason="invalid",
        detail="an older version refused it",
        source=Source(topic_id=topic_id, partition=place.partition, offset=place.offset),
        failed_at=datetime.now(UTC),
    )
    publisher = Publisher(live.kafka, live.names.dead_letters)
    value = encode(message(conversation, number))
    publisher.publish(Outbound(conversation.encode(), value, tuple(letter.to_headers())))
    publisher.flush()


def events_of(live: Live) -> list[EmotionEvent]:
    """In the order in which they were decided."""
    found = [decode(EmotionEvent, record.value) for record in read_topic(live.kafka, live.names.events)]
    return sorted(found, key=lambda event: (event.times.received_at, event.source.partition, event.source.offset))


def of_conversation(live: Live, conversation: str) -> list[EmotionEvent]:
    found = [event for event in events_of(live) if event.conversation_id == conversation]
    return sorted(found, key=lambda event: event.source.offset)


def letters_of(live: Live) -> list[StoredRecord]:
    return list(read_topic(live.kafka, live.names.dead_letters))


def messages_count(live: Live) -> int:
    return len(list(read_topic(live.kafka, live.names.messages)))
