"""What a refresh reads from the real Kafka, and what it leaves out."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from structlog.testing import capture_logs

from prompts.parts import prompt_hash
from prompts.roles import RolePrompts
from schemas.base import Message
from schemas.chat import Source
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.trainer.feedback_rig import MODEL, VERSION, Platform, chat
from tests.waiting import wait_for
from trainer.errors import StoppedError
from trainer.exit_codes import ExitCode
from trainer.feedback.errors import TopicUnavailableError
from trainer.feedback.labelled import Collected, to_example
from trainer.feedback.spans import current_spans, news

pytestmark = pytest.mark.kafka

MakePlatform = Callable[..., Platform]


@pytest.fixture
def make_platform(kafka: EmbeddedKafka, topics: TopicsFactory) -> MakePlatform:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    return lambda **settings: Platform(connection, topics(), **settings)


@pytest.fixture
def platform(make_platform: MakePlatform) -> Platform:
    return make_platform()


def found(collected: Collected) -> dict[Source, str]:
    """Labels by message; what was left out is accounted for."""
    counts = collected.counts
    left = (
        counts.ties
        + counts.missing_events
        + counts.missing_messages
        + counts.inconsistent_messages
        + counts.degraded
        + counts.hash_mismatches
        + counts.unsupported
        + counts.unknown_taxonomies
        + counts.forgotten
    )
    assert counts.annotated == counts.labelled + left
    assert counts.labelled == len(collected.labelled)
    assert counts.hash_mismatches == sum(counts.mismatch_causes.values())
    return {one.source: one.label for one in collected.labelled}


def test_labels_become_examples_with_the_prompt_that_was_asked(platform: Platform) -> None:
    sources = platform.conversation("c", 11, partition=1)
    platform.label(sources[10], "joy")
    platform.label(sources[0], "anger", by="ben")
    collected = platform.collect()
    assert found(collected) == {sources[0]: "anger", sources[10]: "joy"}
    first, last = collected.labelled
    assert first.parts.history == ()
    assert [turn.text for turn in last.parts.history] == [platform.sent[one].text for one in sources[2:10]]
    assert last.event is not None
    assert prompt_hash(last.parts) == last.event.prompt_hash
    assert (last.conversation, last.annotators, last.new) == ("default\x1fc", 1, True)
    example = to_example(last, RolePrompts(platform.builders.profile, platform.builders.tokenizer))
    assert last.parts.labels[example.target].name == "joy"
    assert len(example.label_ids) == len(last.parts.labels)
    assert example.conversation == last.conversation


def test_the_same_spans_give_the_same_data_whatever_is_written_later(platform: Platform) -> None:
    sources = [one for partition in range(3) for one in platform.conversation(f"c{partition}", 5, partition)]
    for at, source in enumerate(sources):
        platform.label(source, ("joy", "anger")[at % 2])
    spans = platform.spans()
    before = platform.collect(spans)
    assert len(before.labelled) == 15
    for source in sources:
        platform.label(source, "fear", at=60)
        platform.label(source, "fear", by="ben", at=60)
    platform.conversation("later", 3)
    assert platform.collect(spans) == before
    assert before.spans == spans
    assert set(found(platform.collect()).values()) == {"fear"}


def test_conversations_are_told_apart_by_tenant(platform: Platform) -> None:
    mixed = [chat("c", at, tenant=("default", "acme")[at % 2]) for at in range(6)]
    sources = platform.say(mixed)
    platform.answer(sources)
    for source in sources:
        platform.label(source, "joy")
    collected = platform.collect()
    assert len(found(collected)) == 6
    assert {one.conversation for one in collected.labelled} == {"default\x1fc", "acme\x1fc"}
    assert max(len(one.parts.history) for one in collected.labelled) == 2


def test_a_persons_later_label_replaces_the_earlier_one_and_null_takes_it_back(platform: Platform) -> None:
    one, two, three, four = platform.conversation()
    platform.label(one, "joy", at=0)
    platform.label(one, "anger", at=5)
    platform.label(two, "fear", at=9)
    platform.label(two, "joy", at=3)  # arrives late: the person's last word is fear
    platform.label(three, "joy", at=0)
    platform.label(three, None, at=1)
    platform.label(four, "joy", at=0)
    platform.label(four, None, at=0)
    platform.label(four, "sadness", at=0)
    collected = platform.collect()
    assert found(collected) == {one: "anger", two: "fear", four: "sadness"}
    assert (collected.counts.replaced, collected.counts.withdrawn) == (5, 1)


def test_most_people_decide_ties_are_left_out_and_agreement_counts_both(platform: Platform) -> None:
    one, two, three, four = platform.conversation()
    for by, labels in {"ada": "joy joy joy", "ben": "joy anger anger", "cem": "anger joy fear"}.items():
        for source, label in zip((one, two, three), labels.split(), strict=True):
            platform.label(source, label, by=by)
    platform.label(four, "fear", by="ada")
    platform.label(four, "joy", by="ben")
    collected = platform.collect()
    assert found(collected) == {one: "joy", two: "joy"}
    assert (collected.ties, collected.counts.annotated) == (2, 4)
    # By hand: 11 values, 6 joy, 3 anger, 2 fear; the units disagree by 2, 2, 3 and 2.
    assert collected.agreement == pytest.approx(1 - 10 * (2 + 2 + 3 + 2) / (11**2 - 6**2 - 3**2 - 2**2))
    assert collected.labelled[0].annotators == 3


def test_what_a_model_says_never_becomes_a_label(platform: Platform) -> None:
    sources = platform.conversation(turns=7)
    by = (MODEL, VERSION, f"{MODEL}@{VERSION}", "20300101T000000Z-0000", "auto-accept", "other-model")
    platform.answer(platform.say([chat("other", 0)]), model="other-model", adapter=None)
    for source, name in zip(sources, by, strict=False):
        platform.label(source, "joy", by=name, model_label="joy")
        platform.label(source, None, by="ada", model_label="joy")
    collected = platform.collect(not_people=["auto-accept"])
    assert found(collected) == {}
    assert collected.counts.not_by_people == 6
    # A person who agrees with a model is a person still, and the model's vote beside theirs is none.
    platform.label(sources[0], "anger", by="ada", at=9)
    platform.label(sources[6], "neutral", by="ada")
    assert found(platform.collect(not_people=["auto-accept"])) == {sources[0]: "anger", sources[6]: "neutral"}


def test_labels_alone_decide_whatever_the_events_say(platform: Platform, make_platform: MakePlatform) -> None:
    other = make_platform()
    label = {platform: "neutral", other: "disgust"}
    kept = []
    for one in (platform, other):
        sources = one.say([chat("c", at) for at in range(4)])
        one.answer(sources, label=label[one], first_label=label[one], scores={label[one]: 1.0}, candidates=("anger",))
        one.label(sources[1], "joy", model_label=label[one])
        one.label(sources[2], None, model_label=label[one])
        kept.append([(found.source.offset, found.label, found.parts) for found in one.collect().labelled])
    assert kept[0] == kept[1]
    assert [label for _, label, _ in kept[0]] == ["joy"]


def test_bad_records_are_one_records_problem(platform: Platform) -> None:
    sources = platform.conversation("c", 2)
    for topic in (platform.names.labels, platform.names.events, platform.names.messages):
        for value in (b"{", b"\xff", b"{}", None, b'{"schema_version": "9.0"}'):
            platform.write(topic, value)
    more = platform.say([chat("c", 2), chat("c", 3)])
    platform.answer(more)
    for source in (*sources, *more):
        platform.label(source, "joy")
    collected = platform.collect()
    assert found(collected) == dict.fromkeys([*sources, *more], "joy")
    counts = collected.counts
    assert (counts.malformed_labels, counts.malformed_events, counts.malformed_messages) == (5, 5, 5)


def test_labels_that_contradict_themselves_are_left_out(platform: Platform) -> None:
    one, two, three, _ = platform.conversation()
    platform.label(one, "joy", event_id=two.event_id)
    platform.label(two, "joy", conversation_id="another")
    platform.label(three, "joy", message_id="another")
    platform.label(three, "anger", by="ben")
    gone = Source(topic_id="made-anew-since", partition=0, offset=0)
    platform.label(one, "joy", source=gone, event_id=gone.event_id)
    collected = platform.collect()
    assert found(collected) == {three: "anger"}
    assert (collected.counts.inconsistent_labels, collected.counts.other_topic) == (3, 1)


def test_labels_of_another_taxonomy_are_mapped_or_left_out(platform: Platform) -> None:
    one, two, three, four = platform.conversation()
    platform.label(one, "happy", taxonomy="emocontext")
    platform.label(two, "boredom")
    platform.label(three, "Peaceful", taxonomy="emorynlp")
    platform.label(four, "joy", taxonomy="../../etc/passwd")
    collected = platform.collect()
    assert found(collected) == {one: "joy"}
    assert collected.counts.unknown_labels == 3


def test_each_event_keeps_the_taxonomy_that_it_was_asked_in(platform: Platform) -> None:
    sources = platform.say([chat("c", at) for at in range(4)])
    platform.answer(sources[:2])
    platform.builders.usual = "emocontext"
    for source in sources:
        event = platform.event(source, "others")
        if source in sources[2:]:
            platform.publish(platform.names.events, event, source.partition)
    platform.label(sources[1], "sadness")
    platform.label(sources[3], "sad", taxonomy="emocontext")
    collected = platform.collect()
    assert found(collected) == {sources[1]: "sadness", sources[3]: "sad"}
    assert [one.parts.taxonomy for one in collected.labelled] == ["meld", "emocontext"]


def test_other_settings_than_the_streams_are_noticed_and_named(make_platform: MakePlatform) -> None:
    platform = make_platform(history_turns=2)
    sources = platform.conversation("c", 5)
    for source in sources:
        platform.label(source, "joy")
    assert len(found(platform.collect())) == 5
    trainer = Platform(platform.connection, platform.names)
    with capture_logs() as logs:
        collected = trainer.collect()
    # The first three have at most two turns before them: their prompts are the same under both settings.
    assert list(found(collected)) == sources[:3]
    assert collected.counts.mismatch_causes == {"other_settings": 2}
    named = [one for one in logs if one["event"] == "prompt_hash_differs"]
    assert [one["event_id"] for one in named] == [one.event_id for one in sources[3:]]
    assert {one["log_level"] for one in named} == {"debug"}
    (warning,) = [one for one in logs if one["event"] == "prompts_differ"]
    assert warning["messages"] == 2
    assert "HISTORY_TURNS" in warning["likely"]
    assert not any(said in str(logs) for said in ("friday", "monday")), "people's words stay out of logs"


def test_another_models_events_are_named_as_the_cause(platform: Platform) -> None:
    (source,) = platform.say([chat("c", 0)])
    platform.answer([source], model="other", prompt_hash="0" * 64)
    platform.label(source, "joy")
    assert platform.collect().counts.mismatch_causes == {"other_model": 1}


def test_messages_and_turns_that_retention_deleted_are_counted_and_not_fatal(platform: Platform) -> None:
    sources = platform.conversation("c", 13)
    for source in sources:
        platform.label(source, "joy")
    platform.delete(platform.names.messages, 4)
    with capture_logs() as logs:
        collected = platform.collect()
    # Turns 4 to 11 lack earlier ones; the last one's window is whole.
    assert list(found(collected)) == [sources[12]]
    assert collected.counts.missing_messages == 4
    assert collected.counts.mismatch_causes == {"earlier_turns_deleted": 8}
    assert any(one["event"] == "labels_without_message" for one in logs)


def test_what_is_deleted_after_the_spans_were_fixed_is_counted(platform: Platform) -> None:
    sources = platform.conversation("c", 4)
    for source in sources:
        platform.label(source, "joy")
    spans = platform.spans()
    platform.delete(platform.names.messages, 2)
    platform.delete(platform.names.labels, 1)
    platform.delete(platform.names.events, 4)
    platform.conversation("later", 2)
    collected = platform.collect(spans)
    assert found(collected) == {}
    assert collected.counts.missing_events == 3
    names = platform.names
    assert collected.counts.lost_records == {names.labels: 1, names.events: 4}


def test_a_degraded_event_counts_where_its_prompt_is_whole_all_the_same(platform: Platform) -> None:
    sources = platform.say([chat("c", at) for at in range(4)])
    platform.answer(sources[:2])
    platform.answer(sources[2:3], degraded=True)
    platform.answer(sources[3:], degraded=True, prompt_hash="0" * 64)
    for source in sources[2:]:
        platform.label(source, "joy")
    collected = platform.collect()
    assert list(found(collected)) == [sources[2]]
    assert (collected.counts.degraded, collected.hash_mismatches) == (1, 0)


def test_a_replay_has_its_originals_window_and_adds_nothing_to_it(platform: Platform) -> None:
    sources = platform.say([chat("c", at) for at in range(4)])
    original = platform.sent[sources[1]]
    (replay,) = platform.say([original.model_copy(update={"replay_of": sources[1]})])
    (after,) = platform.say([chat("c", 5)])
    elsewhere = Source(topic_id=platform.topic_id, partition=2, offset=1)
    (astray,) = platform.say([original.model_copy(update={"replay_of": elsewhere})])
    platform.answer([*sources, replay, after, astray])
    for source in (replay, after, astray):
        platform.label(source, "joy")
    collected = platform.collect()
    assert list(found(collected)) == [replay, after]
    histories = [[turn.text for turn in one.parts.history] for one in collected.labelled]
    texts = [platform.sent[one].text for one in sources]
    assert histories == [texts[:1], texts]
    assert collected.counts.degraded == 1, "its window is in another partition"
    assert len({one.conversation for one in collected.labelled}) == 1


def test_what_the_model_cannot_be_asked_is_counted(platform: Platform) -> None:
    one, two, three = platform.say([chat("c", at) for at in range(3)])
    platform.answer([one], status="unsupported", label=None)
    platform.publish(platform.names.events, platform.event(two).model_copy(update={"taxonomy": "iemocap"}))
    platform.label(one, "joy")
    platform.label(two, "happy", taxonomy="iemocap")
    platform.label(three, "joy")
    counts = platform.collect().counts
    assert (counts.unsupported, counts.unknown_taxonomies, counts.missing_events) == (1, 1, 1)


def transaction(platform: Platform, records: list[tuple[str, Message]], *, commit: bool | None) -> Any:
    producer = platform.producer(**{"transactional.id": secrets.token_hex(4)})
    producer.init_transactions(30)
    producer.begin_transaction()
    for topic, message in records:
        producer.produce(topic, encode(message), partition=0)
    producer.flush(30)
    if commit is not None:
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    return producer


def test_aborted_transactions_do_not_exist(platform: Platform) -> None:
    sources = platform.say([chat("c", at) for at in range(3)])
    wrong = [(platform.names.events, platform.event(one, prompt_hash="0" * 64)) for one in sources]
    transaction(platform, [*wrong, (platform.names.messages, chat("c", 9))], commit=False)
    right = [(platform.names.events, platform.event(one)) for one in sources]
    transaction(platform, list(right), commit=True)
    platform.say([chat("c", 10)])
    for source in sources:
        platform.label(source, "joy")
    # The last records of two spans are control records.
    transaction(platform, [(platform.names.labels, chat("c", 11))], commit=False)
    transaction(platform, [(platform.names.events, platform.event(sources[0]))], commit=False)
    collected = platform.collect()
    assert list(found(collected)) == sources
    assert collected.counts.label_records == 3
    assert (collected.counts.malformed_labels, collected.counts.malformed_events) == (0, 0)


def test_the_end_is_before_an_open_transaction_and_it_never_gets_in(platform: Platform) -> None:
    one, two = platform.conversation("c", 2)
    platform.label(one, "joy")
    pending = transaction(platform, [(platform.names.labels, _label(platform, two))], commit=None)
    platform.label(one, "anger", at=9)  # behind the pending one: nobody may read it yet
    spans = platform.spans()
    (labels,) = [span for span in spans if (span.topic, span.partition) == (platform.names.labels, 0)]
    assert (labels.start, labels.end) == (0, 1)
    before = platform.collect(spans)
    assert found(before) == {one: "joy"}
    pending.commit_transaction(30)
    wait_for(lambda: found(platform.collect()) == {one: "anger", two: "fear"}, "the end moves on")
    assert platform.collect(spans) == before


def _label(platform: Platform, source: Source) -> Message:
    message = platform.sent[source]
    return EmotionLabel(
        event_id=source.event_id,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        source=source,
        taxonomy="meld",
        label="fear",
        labelled_by="ada",
        labelled_at=message.sent_at,
    )


def test_labels_since_the_last_refresh_are_new(platform: Platform) -> None:
    sources = platform.conversation()
    for source in sources:
        platform.label(source, "joy")
    seen = platform.spans()
    assert news(seen, (), platform.names) == 4
    assert news(seen, seen, platform.names) == 0
    platform.label(sources[0], "anger", at=9)
    platform.label(sources[1], "joy", by="ben")
    platform.label(sources[2], None, by="cem")
    now = platform.spans()
    assert news(now, seen, platform.names) == 3
    assert [one.new for one in platform.collect(now, seen=seen).labelled] == [True, True, True, False]
    assert all(one.new for one in platform.collect(now).labelled)


def test_an_empty_topic_gives_nothing(platform: Platform) -> None:
    collected = platform.collect()
    assert (collected.labelled, collected.agreement, collected.counts.annotated) == ((), None, 0)


def test_reading_stops_when_it_is_told_to(platform: Platform) -> None:
    platform.label(platform.conversation()[0], "joy")

    def halt() -> None:
        raise StoppedError("stop")

    with pytest.raises(StoppedError):
        platform.collect(halt=halt)


def test_a_missing_topic_is_named_with_what_to_do(platform: Platform) -> None:
    names = TopicNames(topic_prefix=f"none-{secrets.token_hex(4)}.")
    with pytest.raises(TopicUnavailableError, match=r"none-.*emotion\.labels.*topics create") as error:
        current_spans(platform.connection, names)
    assert error.value.exit_code == ExitCode.UNAVAILABLE


def test_a_topic_made_anew_gives_none_of_the_old_ones_labels(platform: Platform) -> None:
    sources = platform.conversation()
    platform.label(sources[0], "joy")
    admin = AdminClient(platform.connection.librdkafka())
    admin.delete_topics([platform.names.messages])[platform.names.messages].result(20)
    _make_anew(platform, admin)
    again = Platform(platform.connection, platform.names)
    new = again.conversation()
    assert new[0].offset == sources[0].offset
    collected = again.collect()
    assert found(collected) == {}
    assert collected.counts.other_topic == 1


def _make_anew(platform: Platform, admin: AdminClient) -> None:
    topic = platform.names.messages

    def made() -> bool:
        try:
            admin.create_topics([NewTopic(topic, 3)])[topic].result(20)
        except KafkaException:  # the old one is not gone yet
            return False
        return True

    wait_for(made, "the topic is made anew")
    wait_for(lambda: len(admin.list_topics(topic, timeout=5).topics[topic].partitions) == 3, "it is known")
