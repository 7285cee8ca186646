"""A past span is answered again, once, from the windows that the stream had: a real Kafka, a small real model."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from transformers import OPTForCausalLM

from prompts.parts import HistoryRule, PartsBuilder
from prompts.profile import TOKENIZER_FILE, ModelProfile
from prompts.settings import PromptSettings, ServedBuilders
from prompts.tokenizer import PromptTokenizer
from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.relabel import Relabel
from schemas.taxonomy import load_taxonomy
from schemas.topics import TopicNames, relabel_topic
from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics
from tests.conftest import TopicsFactory
from tests.trainer.platform import Platform
from trainer.gate.answers import Serving
from trainer.relabel import NO_EVENT, Relabeller, RelabelOptions, RelabelSummary
from trainer.watch.answers import Answerer
from trainer.watch.errors import SpanError, TopicUnwritableError
from trainer.watch.transactions import TransactionalWriter

#: Kafka deletes what is older than its topic keeps it, by the messages' own times.
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.kafka


@pytest.fixture
def builder(tmp_path: Path, tokenizer_json: str, profile: ModelProfile) -> PartsBuilder:
    (tmp_path / TOKENIZER_FILE).write_text(tokenizer_json)
    rule = HistoryRule(turns=3, session_gap=600.0)
    return PartsBuilder(profile, PromptTokenizer(tmp_path), load_taxonomy("meld"), rule)


@pytest.fixture
def platform(kafka: EmbeddedKafka, topics: TopicsFactory, builder: PartsBuilder) -> Platform:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    names = topics(partitions=2)
    create_topics(connection, [relabel_topic(names, "embedded", 2)])
    return Platform.of(connection, names, builder)


@pytest.fixture
def answerer(builder: PartsBuilder, tiny_model: Callable[[], OPTForCausalLM]) -> Answerer:
    return Answerer.of("v2", tiny_model(), builder, Serving("paper"))


def relabel(platform: Platform, answerer: Answerer, start: datetime, end: datetime) -> RelabelSummary:
    options = RelabelOptions(start, end, platform.names.relabels)
    return Relabeller(platform.connection, platform.names, builders_of(platform.builder), answerer, options).run()


def builders_of(usual: PartsBuilder) -> Callable[[str | None], PartsBuilder]:
    """As `ServedBuilders.of`; the deployment's label set may have been another one before."""

    def of(taxonomy: str | None) -> PartsBuilder:
        named = load_taxonomy(taxonomy or usual.taxonomy.name)
        return PartsBuilder(usual.profile, usual.tokenizer, named, usual.rule)

    return of


def relabels(platform: Platform) -> list[Relabel]:
    return [decode(Relabel, record.value()) for record in platform.records(platform.names.relabels)]


def test_old_and_new_stand_side_by_side_from_the_same_windows(platform: Platform, answerer: Answerer) -> None:
    platform.publish(240, BEGAN)
    events = {one.event_id: one for one in platform.answer_all(lambda _: "joy", adapter="v1")}
    written = len(platform.records(platform.names.events))
    summary = relabel(platform, answerer, BEGAN + MINUTE, BEGAN + 3 * MINUTE)

    found = relabels(platform)
    assert len(found) == summary.written == 120
    assert {one.message_id for one in found} == {f"m{number}" for number in range(60, 180)}
    assert all(one.same_prompt for one in found)
    assert summary.other_prompt == 0
    for record, one in zip(platform.records(platform.names.relabels), found, strict=True):
        event = events[one.event_id]
        assert (record.partition(), record.key()) == (event.source.partition, event.conversation_id.encode())
        assert one.old is not None
        assert (one.old.label, one.old.adapter, one.new.adapter) == ("joy", "v1", "v2")
        assert one.prompt_hash == event.prompt_hash
        assert sum(one.new.scores.values()) == pytest.approx(1, abs=0.01)
    assert sum(summary.changes.values()) == 120
    assert summary.changed == sum(one.new.label != "joy" for one in found)
    assert len(platform.records(platform.names.events)) == written


def test_a_second_run_writes_nothing_and_another_adapter_writes_its_own(
    platform: Platform, answerer: Answerer, builder: PartsBuilder, tiny_model: Callable[[], OPTForCausalLM]
) -> None:
    platform.publish(40, BEGAN)
    platform.answer_all(lambda _: "joy")
    assert relabel(platform, answerer, BEGAN, BEGAN + MINUTE).written == 40
    again = relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    assert (again.written, again.already) == (0, 40)
    base = Answerer.of(None, tiny_model(), builder, Serving("paper"))
    assert relabel(platform, base, BEGAN, BEGAN + MINUTE).written == 40
    assert len({one.relabel_id for one in relabels(platform)}) == 80


def test_a_run_that_was_stopped_goes_on_after_what_is_written(
    platform: Platform, answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.relabel._BATCH", 16)
    platform.publish(100, BEGAN)
    platform.answer_all(lambda _: "joy")
    written = 0
    write = TransactionalWriter.write

    def stops(self: TransactionalWriter, records: object) -> None:
        nonlocal written
        if written == 3:
            raise KeyboardInterrupt
        written += 1
        write(self, records)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(TransactionalWriter, "write", stops)
        with pytest.raises(KeyboardInterrupt):
            relabel(platform, answerer, BEGAN, BEGAN + 2 * MINUTE)
    assert len(relabels(platform)) == 48
    summary = relabel(platform, answerer, BEGAN, BEGAN + 2 * MINUTE)
    assert (summary.written, summary.already) == (52, 48)
    assert len({one.relabel_id for one in relabels(platform)}) == len(relabels(platform)) == 100


def test_what_has_no_event_or_is_no_message_is_counted(platform: Platform, answerer: Answerer) -> None:
    platform.publish(10, BEGAN)
    producer = Producer(platform.connection.librdkafka())
    producer.produce(platform.names.messages, b"{", b"c0", 0, timestamp=int((BEGAN + MINUTE / 2).timestamp() * 1000))
    producer.flush(30)
    summary = relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    assert (summary.written, summary.unreadable, summary.no_event) == (10, 1, 10)
    assert summary.changed == 0
    assert {old for old, _ in summary.changes} == {NO_EVENT}
    assert all(one.old is None and one.same_prompt is None for one in relabels(platform))


def test_a_prompt_that_is_not_the_events_is_marked(platform: Platform, answerer: Answerer) -> None:
    platform.publish(12, BEGAN)
    whole = platform.builder.rule
    platform.builder.rule = HistoryRule(turns=0, session_gap=1.0)
    platform.answer_all(lambda _: "joy")
    platform.builder.rule = whole
    summary = relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    # Each of the six conversations' first message has no history either way.
    assert summary.other_prompt == 6
    assert sum(one.same_prompt is False for one in relabels(platform)) == 6


def test_each_message_is_asked_in_its_events_own_label_set(platform: Platform, answerer: Answerer) -> None:
    platform.publish(30, BEGAN)
    before = platform.answer_all(lambda _: "joy")
    platform.publish(30, BEGAN + MINUTE / 2, first=30)
    usual = platform.builder
    later = replace(platform, builder=builders_of(usual)("emocontext"))
    later.answer_all(lambda _: "happy", after=[one.source for one in before])
    summary = relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    assert (summary.written, summary.other_prompt) == (60, 0)
    found = relabels(platform)
    assert all(one.same_prompt for one in found)
    taxonomies = {one.message_id: one.taxonomy for one in found}
    assert taxonomies == {f"m{number}": "meld" if number < 30 else "emocontext" for number in range(60)}
    for one in found:
        assert set(one.new.scores) <= {label.name for label in load_taxonomy(one.taxonomy).labels}
    again = relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    assert (again.written, again.already) == (0, 60)


def test_another_run_at_the_same_time_is_fenced(platform: Platform) -> None:
    with TransactionalWriter(platform.connection, platform.names.relabels) as first:
        first.write([(0, b"k", b"{}")])
        with (
            TransactionalWriter(platform.connection, platform.names.relabels),
            pytest.raises(TopicUnwritableError, match="Another run"),
        ):
            first.write([(0, b"k", b"{}")])


def test_a_span_that_holds_nothing_says_so(platform: Platform, answerer: Answerer) -> None:
    with pytest.raises(SpanError, match="holds nothing"):
        relabel(platform, answerer, BEGAN, BEGAN + MINUTE)
    with pytest.raises(SpanError, match="swap"):
        relabel(platform, answerer, BEGAN + MINUTE, BEGAN)


def test_the_names_of_the_topics_are_prefixed() -> None:
    assert TopicNames(topic_prefix="eu.").relabels == "eu.emotion.relabels"


@pytest.mark.parametrize("topic", ["emotion.events", "eu.emotion.events", "us.emotion.events", "us.sanm.requests"])
def test_no_deployments_own_topics_are_written(topic: str) -> None:
    """Whatever this one's prefix is: others may share the cluster. Nothing is loaded or reached before."""
    span = ["--from", "2026-11-20", "--to", "2026-11-21", "--adapter", "base", "--topic", topic]
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "TOPIC_PREFIX": "eu.", "MODEL": "/nowhere"}
    found = CliRunner().invoke(main, ["relabel", *span], env=nowhere)
    assert found.exit_code == 1
    assert "topics of the pipeline" in found.stderr


def test_the_command_makes_its_topic_and_answers_with_the_model_that_ships(
    kafka: EmbeddedKafka, topics: TopicsFactory
) -> None:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    platform = Platform.of(connection, topics(partitions=2), ServedBuilders(PromptSettings()).of())
    platform.publish(20, BEGAN)
    platform.answer_all(lambda _: "joy", adapter="v1")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TOPIC_PREFIX": platform.names.topic_prefix,
    }

    def run(*arguments: str, end: datetime = BEGAN + MINUTE) -> Result:
        in_berlin = end.astimezone(timezone(timedelta(hours=1))).isoformat()
        span = ["--from", BEGAN.replace(tzinfo=None).isoformat(), "--to", in_berlin, "--adapter", "base"]
        return CliRunner().invoke(main, ["relabel", *span, *arguments], env=environment)

    found = run("--json")
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert (said["written"], said["other_prompt"], said["no_event"]) == (20, 0, 0)
    assert sum(one["messages"] for one in said["changes"]) == 20
    assert {one.old.adapter for one in relabels(platform) if one.old} == {"v1"}
    assert "0 written" in run().stdout
    forbidden = run("--topic", platform.names.events)
    assert forbidden.exit_code == 1
    assert "topics of the pipeline" in forbidden.stderr
    assert "swap" in run(end=BEGAN).stderr
