"""The closed sets: complete, each answer with a word of its own, each label with a way to a sentiment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from schemas.errors import TaxonomyError, UnknownTaxonomyError
from schemas.examples import dead_letter
from schemas.taxonomy import built_in, load_taxonomy
from schemas.topics import TopicNames, topics

#: Labels by corpus, as their publishers count them.
SIZES = {
    "meld": 7,
    "emorynlp": 7,
    "iemocap": 6,
    "emocontext": 4,
    "goemotions-ekman": 7,
    "cped": 13,
    "smp2020": 6,
    "dailydialog": 7,
    "sentiment": 3,
}


def test_every_corpus_has_its_labels() -> None:
    assert {name: len(taxonomy.labels) for name, taxonomy in built_in().items()} == SIZES


@pytest.mark.parametrize("name", SIZES)
def test_every_label_comes_to_a_sentiment(name: str) -> None:
    taxonomy = load_taxonomy(name)
    for label in taxonomy.labels:
        assert taxonomy.sentiment(label.name, {}) in ("positive", "neutral", "negative")
        assert label.word == label.word.strip().lower()


def test_an_open_label_takes_the_side_of_the_others() -> None:
    meld = load_taxonomy("meld")
    assert meld.sentiment("surprise", {"joy": 0.3, "anger": 0.1, "surprise": 0.6}) == "positive"
    assert meld.sentiment("surprise", {"joy": 0.1, "anger": 0.1, "fear": 0.1, "surprise": 0.7}) == "negative"
    assert meld.sentiment("surprise", {}) == "neutral"
    assert meld.sentiment("anger", {"joy": 0.9}) == "negative"
    with pytest.raises(KeyError):
        meld.label("envy")


def test_a_platform_brings_its_own_and_hears_what_is_wrong_with_it(tmp_path: Path) -> None:
    own = tmp_path / "support.yaml"
    own.write_text("name: support\ntitle: T\nlabels:\n  - {name: calm, word: calm}\n  - {name: upset, word: upset}\n")
    assert [label.name for label in load_taxonomy("support", tmp_path).labels] == ["calm", "upset"]
    own.write_text("name: support\ntitle: T\nlabels:\n  - {name: a, word: calm}\n  - {name: b, word: Calm}\n")
    with pytest.raises(TaxonomyError, match=r"(?s)support\.yaml.*'calm' stands at two labels"):
        load_taxonomy("support", tmp_path)
    own.write_text("name: [")
    with pytest.raises(TaxonomyError, match=r"support\.yaml"):
        load_taxonomy("support", tmp_path)
    with pytest.raises(UnknownTaxonomyError, match="meld"):
        load_taxonomy("nowhere", tmp_path)


def test_a_dead_letters_facts_survive_the_headers() -> None:
    letter = dead_letter()
    assert DeadLetter.from_headers([("traceparent", b"00-1-2-01"), *letter.to_headers()]) == letter
    with pytest.raises(ValidationError):  # what stands there is no dead letter of ours; not a crash
        DeadLetter.from_headers([("sentistream-topic", None), ("other", None)])
    bare = letter.model_copy(update={"source": None, "detail": "ungültig 无效"})
    assert DeadLetter.from_headers(bare.to_headers()) == bare


def test_limits_rise_along_the_way_and_partitions_are_alike() -> None:
    names = TopicNames(topic_prefix="eu.")
    found = {topic.name: topic for topic in topics(names, "production", 12)}
    limits = [
        int(found[name].config["max.message.bytes"]) for name in (names.messages, names.requests, names.dead_letters)
    ]
    assert limits == sorted(set(limits))
    assert {found[name].partitions for name in (names.messages, names.requests, names.events)} == {12}
    assert all(topic.replication == 3 and topic.config["min.insync.replicas"] == "2" for topic in found.values())
    assert all(name.startswith("eu.") for name in found)
