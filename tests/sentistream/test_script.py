"""The bundled sample is what it claims to be, and files become lines that can be published and compared."""

from collections import Counter
from pathlib import Path

import orjson
import pytest

from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.taxonomy import load_taxonomy
from sentistream.errors import SentistreamError
from sentistream.script import Line, interleaved, read_corpus, sample

MODEL = "model-for-tests"


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / MODEL
    folder.mkdir()
    profile = {
        "name": MODEL,
        "template": "completion",
        "parts": ["H"],
        "languages": ["en"],
        "taxonomies": ["meld", "emorynlp"],
        "token_budget": 480,
        "context_length": 512,
        "history_turns": 5,
    }
    (folder / "sentistream.json").write_bytes(orjson.dumps(profile))
    return str(folder)


def test_the_sample_is_long_multi_party_and_in_two_languages() -> None:
    messages = [line for line in sample() if line.is_message]
    assert len(messages) >= 250
    by_language = Counter(line.language for line in messages)
    assert by_language["en"] > by_language["zh"] > 50
    speakers: dict[str, set[str]] = {}
    for line in messages:
        speakers.setdefault(line.conversation, set()).add(line.speaker)
    assert len(speakers) >= 25
    assert sum(len(names) > 2 for names in speakers.values()) >= 12


def test_every_message_of_the_sample_is_valid_and_labelled_from_meld() -> None:
    labels = {label.name for label in load_taxonomy("meld").labels}
    found: Counter[str] = Counter()
    for number, line in enumerate(line for line in sample() if line.is_message):
        message = decode(ChatMessage, line.outbound("run", number).value)
        assert (message.text, message.speaker) == (line.text, line.speaker)
        if line.label is not None:
            found[line.label] += 1
    assert set(found) == labels
    assert min(found.values()) >= 8


def test_the_sample_has_records_that_are_no_messages() -> None:
    bad = [line for line in sample() if not line.is_message]
    assert len(bad) >= 8
    for line in bad:
        with pytest.raises(SchemaError):
            decode(ChatMessage, line.outbound("run", 0).value)


def test_interleaving_keeps_each_conversations_order() -> None:
    talks = [[Line(f"c{number}", "ana", str(turn)) for turn in range(9)] for number in range(10)]
    mixed = interleaved(talks, seed=3)
    assert mixed == interleaved(talks, seed=3)
    assert [line.conversation for line in mixed] != [line.conversation for talk in talks for line in talk]
    for number, talk in enumerate(talks):
        assert [line for line in mixed if line.conversation == f"c{number}"] == talk


def test_two_runs_share_no_conversation() -> None:
    line = Line("c", "ana", "hello")
    one, other = (decode(ChatMessage, line.outbound(run, 0).value) for run in ("a", "b"))
    assert one.conversation_id != other.conversation_id
    assert line.outbound("a", 0).key == one.conversation_id.encode()


def write(path: Path, *rows: dict[str, str]) -> Path:
    path.write_bytes(b"\n".join(orjson.dumps({"conversation_id": "c", "speaker": "ana", **row}) for row in rows))
    return path


@pytest.mark.parametrize(
    ("own", "asked", "run", "compared"),
    [
        ("meld", None, "meld", True),
        ("emorynlp", None, "emorynlp", True),
        ("emorynlp", "meld", "meld", False),
        # The model does not know it: its own usual one is used, and nothing compared.
        ("dailydialog", None, "meld", False),
    ],
)
def test_labels_are_compared_within_one_taxonomy_only(
    tmp_path: Path, model: str, own: str, asked: str | None, run: str, *, compared: bool
) -> None:
    label = load_taxonomy(own).labels[0].name
    path = write(tmp_path / "chats.jsonl", {"text": "hi", "label": label, "taxonomy": own})
    corpus = read_corpus(path, "jsonl", model, asked)
    assert corpus.run_taxonomy == run
    assert bool(corpus.scored_labels) == compared


def test_a_file_without_labels_is_not_compared(tmp_path: Path, model: str) -> None:
    corpus = read_corpus(write(tmp_path / "chats.jsonl", {"text": "hi"}), "jsonl", model, None)
    assert corpus.taxonomy is None
    assert corpus.scored_labels == ()


def test_a_wrong_line_is_named(tmp_path: Path, model: str) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text('{"conversation_id":"c","speaker":"ana","text":"hi"}\nnot json\n')
    with pytest.raises(SentistreamError, match=r"chats\.jsonl:2"):
        read_corpus(path, "jsonl", model, None)


def test_a_taxonomy_that_the_model_does_not_know_is_refused(tmp_path: Path, model: str) -> None:
    path = write(tmp_path / "chats.jsonl", {"text": "hi"})
    with pytest.raises(SentistreamError, match=r"cped.*choose of meld, emorynlp"):
        read_corpus(path, "jsonl", model, "cped")
