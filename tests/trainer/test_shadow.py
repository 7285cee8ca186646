"""A candidate answers live messages beside the live adapter: to a report, never to the topics."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from transformers import OPTForCausalLM

from prompts.parts import HistoryRule, PartsBuilder, prompt_hash
from prompts.profile import TOKENIZER_FILE, ModelProfile
from prompts.tokenizer import PromptTokenizer
from prompts.windows import OfflineWindows
from schemas.chat import ChatMessage, Source
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.taxonomy import load_taxonomy
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.trainer.platform import Platform, make_event, make_label
from trainer.gate.answers import Serving
from trainer.watch.answers import Answerer
from trainer.watch.pairing import Pairing, in_share
from trainer.watch.shadow import ShadowOptions, shadow
from trainer.watch.shadow_report import Compared, against_people, label_pairs, mix, wilson


@pytest.fixture
def builder(tmp_path: Path, tokenizer_json: str, profile: ModelProfile) -> PartsBuilder:
    (tmp_path / TOKENIZER_FILE).write_text(tokenizer_json)
    rule = HistoryRule(turns=3, session_gap=600.0)
    return PartsBuilder(profile, PromptTokenizer(tmp_path), load_taxonomy("meld"), rule)


def builders_of(usual: PartsBuilder) -> Callable[[str | None], PartsBuilder]:
    """As `ServedBuilders.of`."""

    def of(taxonomy: str | None) -> PartsBuilder:
        named = load_taxonomy(taxonomy or usual.taxonomy.name)
        return PartsBuilder(usual.profile, usual.tokenizer, named, usual.rule)

    return of


@pytest.fixture
def candidate(builder: PartsBuilder, tiny_model: Callable[[], OPTForCausalLM]) -> Answerer:
    return Answerer.of("v2", tiny_model(), builder, Serving("paper"))


@pytest.mark.kafka
def test_live_messages_are_answered_by_both(
    kafka: EmbeddedKafka, topics: TopicsFactory, builder: PartsBuilder, candidate: Answerer, tmp_path: Path
) -> None:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    platform = Platform.of(connection, topics(partitions=2), builder)
    now = datetime.now(UTC)
    platform.publish(40, now - timedelta(minutes=2))  # fills the windows, and counts for nothing
    before = {one.event_id: one.source for one in platform.answer_all(lambda _: "joy", adapter="v1")}
    sent = False
    labelled: list[EmotionEvent] = []

    def traffic() -> None:
        nonlocal sent
        if sent:
            return
        sent = True
        platform.publish(60, now, first=40)
        labelled.extend(platform.answer_all(lambda _: "joy", adapter="v1", after=list(before.values())))
        platform.correct([make_label(one, "joy") for one in labelled[:20]])

    options = ShadowOptions(messages=60, seconds=60.0)
    found = shadow(connection, platform.names, builders_of(builder), candidate, options, tmp_path / "report", traffic)
    assert found.compared == 60
    assert found.seen == 60
    assert found.live == {"v1": 60}
    assert not any(found.left_out.values())
    assert found.live_mix == {"joy": 1.0}
    differing = sum(one.messages for one in found.pairs)
    assert found.agreement == pytest.approx(1 - differing / 60)
    assert all(one.live == "joy" for one in found.pairs)
    # Nothing of it is on the topics.
    assert len(platform.records(platform.names.events)) == 100
    kept = json.loads((tmp_path / "report" / "shadow.json").read_text())
    assert kept["compared"] == 60
    lines = (tmp_path / "report" / "shadow.jsonl").read_text().splitlines()
    both = {one["event_id"]: one for one in map(json.loads, lines)}
    assert both.keys() == {one.event_id for one in labelled}
    for one in both.values():
        assert one.keys() == {
            "event_id", "live", "candidate", "live_confidence", "candidate_confidence", "live_version"
        }  # fmt: skip
        assert (one["live"], one["live_confidence"], one["live_version"]) == ("joy", 0.6, "v1")
    assert sum(one["live"] != one["candidate"] for one in both.values()) == differing
    page = (tmp_path / "report" / "shadow.md").read_text()
    assert "60 of 60" in page
    assert not any(text in page for text in ("good news", "bad news", "so what"))


@pytest.mark.kafka
def test_it_ends_in_time_and_leaves_out_prompts_that_are_not_the_streams(
    kafka: EmbeddedKafka, topics: TopicsFactory, builder: PartsBuilder, candidate: Answerer
) -> None:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    platform = Platform.of(connection, topics(partitions=2), builder)
    sent = False

    def traffic() -> None:
        nonlocal sent
        if not sent:
            sent = True
            platform.publish(30, datetime.now(UTC))
            whole, builder.rule = builder.rule, HistoryRule(turns=0, session_gap=1.0)
            platform.answer_all(lambda _: "joy")
            builder.rule = whole

    options = ShadowOptions(30, 8.0)
    found = shadow(connection, platform.names, lambda _: builder, candidate, options, None, traffic)
    # The first message of each of six conversations has no history either way.
    assert (found.compared, found.left_out["hash_mismatch"]) == (6, 24)


def test_a_prompt_is_built_in_its_events_own_label_set(builder: PartsBuilder) -> None:
    of = builders_of(builder)
    pairing = Pairing(1.0, of, "tiny", {0: 0})
    windows = OfflineWindows(builder)
    message = ChatMessage(message_id="m", conversation_id="c", speaker="a", text="it is", sent_at=datetime.now(UTC))
    for offset, name in enumerate(("meld", "emocontext", "emocontext", "of-another-model")):
        source = Source(topic_id="t", partition=0, offset=offset)
        windowed = windows.add(source, message)
        hashed = prompt_hash(windowed.parts(of(None if name == "of-another-model" else name)))
        pairing.add_message(source, windowed)
        pairing.add_event(make_event(source, message, "joy", hashed=hashed, taxonomy=name))
    assert [parts.taxonomy for parts, _ in pairing.take(10)] == ["meld", "emocontext", "emocontext"]
    left = pairing.finish()
    assert (left.other_taxonomy, left.hash_mismatch) == (1, 0)


def test_a_share_is_taken_by_the_id_alone() -> None:
    ids = [f"t:{number % 3}:{number}" for number in range(4000)]
    taken = [one for one in ids if in_share(one, 0.25)]
    assert 0.22 < len(taken) / len(ids) < 0.28
    assert set(taken) <= {one for one in ids if in_share(one, 0.5)}
    assert all(in_share(one, 1.0) for one in ids)
    assert not any(in_share(one, 0.0) for one in ids)


def test_events_and_messages_meet_in_any_order_and_old_ones_do_not_count(builder: PartsBuilder) -> None:
    pairing = Pairing(1.0, builders_of(builder), "tiny", {0: 2})
    windows = OfflineWindows(builder)
    message = ChatMessage(message_id="m", conversation_id="c", speaker="a", text="it is", sent_at=datetime.now(UTC))
    for offset in range(6):
        source = Source(topic_id="t", partition=0, offset=offset)
        windowed = windows.add(source, message)
        event = make_event(source, message, "joy", hashed=prompt_hash(windowed.parts(builder)))
        if offset == 4:
            event = event.model_copy(update={"model": "another"})
        if offset % 2:
            pairing.add_event(event)
            pairing.add_message(source, windowed)
        else:
            pairing.add_message(source, windowed)
            if offset != 2:
                pairing.add_event(event)
    assert [event.source.offset for _, event in pairing.take(10)] == [3, 5]
    left = pairing.finish()
    assert (pairing.seen, left.other_model, left.waiting) == (4, 1, 1)


def test_the_reports_arithmetic() -> None:
    rows = [
        Compared("a", "joy", "joy", 0.9, 0.8, "v1"),
        Compared("b", "joy", "anger", 0.5, 0.7, "v1"),
        Compared("c", "joy", "anger", 0.7, 0.9, "v1"),
        Compared("d", None, "joy", 0.3, None, "v1"),
    ]
    first, second = label_pairs(rows)
    assert (first.live, first.candidate, first.messages, first.live_confidence) == ("joy", "anger", 2, 0.6)
    assert (second.live, second.candidate) == ("(outlier)", "joy")
    assert mix([one.live for one in rows]) == {"joy": 0.75, "(outlier)": 0.25}
    people = against_people(rows, {"a": {"x": "joy"}, "b": {"x": "anger", "y": "joy"}, "d": {"x": "joy", "y": "joy"}})
    assert (people.messages, people.live_right, people.candidate_right) == (2, 1, 2)
    found = wilson(8, 10)
    assert found is not None
    assert found == pytest.approx((0.8, 0.490, 0.943), abs=0.001)
    assert wilson(0, 0) is None
