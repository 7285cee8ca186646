"""A release that people correct more often is rolled back by itself; what is known is made from the topics alone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from schemas.chat import ChatMessage, Source
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.release import AdapterRelease
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.trainer.platform import Platform, make_event, make_label
from trainer.watch.drift_watch import DriftWatch
from trainer.watch.service import Watch
from trainer.watch.settings import WatchSettings
from trainer.watch.verdicts import Verdict, Verdicts, beside

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


class Decisions:
    """The registry's side, in memory."""

    def __init__(self, live: AdapterRelease) -> None:
        self.current = live
        self.made: list[tuple[str, str | None]] = []

    def live(self, model: str) -> AdapterRelease | None:
        assert model == "tiny"
        return self.current

    def roll_back(
        self, model: str, reason: str, *, to: str | None = None, judged: AdapterRelease | None = None
    ) -> AdapterRelease:
        assert judged == self.current
        self.made.append((reason, to))
        self.current = AdapterRelease(
            model=model, version=to, status="rolled_back", reason=reason, decided_at=datetime.now(UTC)
        )
        return self.current


def released(version: str = "v2", previous: str | None = "v1") -> AdapterRelease:
    return AdapterRelease(model="tiny", version=version, previous=previous, status="released", decided_at=NOW)


def event(number: int, adapter: str | None, *, label: str | None = "joy", at: datetime = NOW) -> EmotionEvent:
    message = ChatMessage(
        message_id=f"m{number}", conversation_id=f"c{number}", speaker="ada", text="news", sent_at=at, language="en"
    )
    source = Source(topic_id="t", partition=number % 2, offset=number)
    return make_event(source, message, label, adapter=adapter)


def verdict(number: int, adapter: str | None, *, corrected: bool, minutes: float, conversation: str = "") -> Verdict:
    at = (NOW + timedelta(minutes=minutes)).timestamp()
    return Verdict(at, adapter, corrected, conversation or f"c{number}")


def test_the_first_word_on_an_event_counts_and_stays() -> None:
    verdicts = Verdicts()
    one = event(1, "v1")
    verdicts.add_event(one)
    assert verdicts.add_label(make_label(one, None), 1.0) is None
    first = verdicts.add_label(make_label(one, "anger"), 2.0)
    assert first == Verdict(2.0, "v1", corrected=True, conversation="c1")
    assert verdicts.add_label(make_label(one, "joy", by="bo"), 3.0) is None
    assert verdicts.all == [first]


def test_the_events_word_counts_before_the_labels_own() -> None:
    verdicts = Verdicts()
    one = event(1, "v1")
    verdicts.add_event(one)
    wrong = make_label(one, "joy").model_copy(update={"model_label": "fear", "adapter": "v9"})
    assert verdicts.add_label(wrong, 1.0) == Verdict(1.0, "v1", corrected=False, conversation="c1")


def test_an_event_that_is_gone_is_taken_at_the_labels_word_and_an_outlier_is_no_verdict() -> None:
    verdicts = Verdicts(remembered=1)
    old, outlier = event(1, "v1"), event(2, "v1", label=None)
    for one in (old, outlier):
        verdicts.add_event(one)
    assert verdicts.add_label(make_label(old, "joy"), 1.0) == Verdict(1.0, "v1", corrected=False, conversation="c1")
    assert verdicts.add_label(make_label(outlier, "joy"), 1.0) is None


def test_versions_are_paired_by_their_release() -> None:
    rows = [
        verdict(1, "v1", corrected=True, minutes=-30),
        verdict(2, "v1", corrected=False, minutes=-10),
        verdict(3, "v2", corrected=True, minutes=-5),  # of an earlier release of the same version
        verdict(4, "v2", corrected=False, minutes=5),
        verdict(5, "v2", corrected=True, minutes=6),
        verdict(6, "v1", corrected=True, minutes=8),  # late, on an old event
        verdict(7, None, corrected=True, minutes=9),
    ]
    assert beside(rows, "v2", "v1", NOW) == ([False, True], [False, True, True])
    assert beside(rows[::-1], "v2", "v1", NOW) == beside(rows, "v2", "v1", NOW)


def test_a_conversation_has_one_word_a_day() -> None:
    noon = NOW.replace(hour=0, minute=0) + 12 * HOUR
    rows = [
        Verdict((noon + timedelta(minutes=number)).timestamp(), "v2", number > 0, "room") for number in range(20)
    ] + [Verdict((noon + 24 * HOUR).timestamp(), "v2", corrected=True, conversation="room")]
    assert beside(rows, "v2", "v1", noon) == ([False, True], [])


def settings(**given: object) -> WatchSettings:
    return WatchSettings(watch_seconds=0.2, watch_port=0, **given)  # type: ignore[arg-type]


def run_until(watch: Watch, done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    watch.run(lambda: done() or time.monotonic() > deadline)


def publish(platform: Platform, events: list[EmotionEvent], labels: list[EmotionLabel], at: datetime) -> None:
    from confluent_kafka import Producer

    from schemas.codec import encode

    producer = Producer(platform.connection.librdkafka())
    stamp = int(at.timestamp() * 1000)
    for one in events:
        producer.produce(platform.names.events, encode(one), b"k", one.source.partition, timestamp=stamp)
    producer.flush(30)
    for two in labels:
        producer.produce(platform.names.labels, encode(two), b"k", two.source.partition, timestamp=stamp)
        stamp += 1
    assert producer.flush(30) == 0


@pytest.fixture
def platform(kafka: EmbeddedKafka, topics: TopicsFactory) -> Platform:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    names: TopicNames = topics(partitions=2)
    return Platform(connection, names, None, 2, "t")  # type: ignore[arg-type]


def history(platform: Platform) -> list[EmotionEvent]:
    """120 events of v1 before the release, one in ten corrected; returns 120 of v2 after it."""
    old = [event(number, "v1", at=NOW - HOUR) for number in range(120)]
    publish(
        platform, old, [make_label(one, "anger" if n % 10 == 0 else "joy") for n, one in enumerate(old)], NOW - HOUR
    )
    return [event(number, "v2") for number in range(200, 320)]


@pytest.mark.kafka
def test_a_worse_release_is_rolled_back_and_everybody_is_told_why(platform: Platform) -> None:
    new = history(platform)
    decisions = Decisions(released())
    watch = Watch(platform.connection, platform.names, "tiny", decisions, settings())
    before = REGISTRY.get_sample_value("sentistream_trainer_automatic_rollbacks_total") or 0.0
    sent = False

    def done() -> bool:
        nonlocal sent
        if not sent:
            sent = True
            said = [make_label(one, "joy" if n % 5 < 2 else "anger") for n, one in enumerate(new)]
            publish(platform, new, said, NOW + HOUR)
        return bool(decisions.made)

    with capture_logs() as logs:
        run_until(watch, done)
    ((reason, to),) = decisions.made
    assert to == "v1"
    assert "v2" in reason
    assert "error rate 0.01" in reason
    assert REGISTRY.get_sample_value("sentistream_trainer_automatic_rollbacks_total") == before + 1
    assert [one["version"] for one in logs if one["event"] == "release_rolled_back"] == ["v2"]


@pytest.mark.kafka
def test_after_a_restart_the_same_is_known_and_a_release_that_is_no_worse_stays(platform: Platform) -> None:
    new = history(platform)
    same = [make_label(one, "anger" if n % 10 == 0 else "joy") for n, one in enumerate(new)]
    publish(platform, new, same, NOW + HOUR)
    pairs = []
    for _ in range(2):
        decisions = Decisions(released())
        watch = Watch(platform.connection, platform.names, "tiny", decisions, settings())
        watch._read_past(lambda: False)
        result = watch.look()
        assert result is not None
        pairs.append((result.pairs, result.evidence))
        assert not decisions.made
    assert pairs[0] == pairs[1]
    assert pairs[0][0] == 120


@pytest.mark.kafka
def test_a_restart_long_after_the_release_still_knows_what_was_said_before_it(platform: Platform) -> None:
    day = 24 * HOUR
    old = [event(number, "v1", at=NOW - 40 * day) for number in range(30)]
    new = [event(number, "v2", at=NOW - 38 * day) for number in range(200, 230)]
    # Their events have gone by retention; a label says itself what the model had said.
    publish(platform, [], [make_label(one, "joy") for one in old], NOW - 40 * day)
    publish(platform, [], [make_label(one, "joy") for one in new], NOW - 38 * day)
    decisions = Decisions(released().model_copy(update={"decided_at": NOW - 39 * day}))
    watch = Watch(platform.connection, platform.names, "tiny", decisions, settings(watch_days=14.0))
    watch._read_past(lambda: False)
    result = watch.look()
    assert result is not None
    assert result.pairs == 30


@pytest.mark.kafka
def test_a_program_is_nobody_and_a_rollback_is_not_tested(platform: Platform) -> None:
    new = history(platform)
    publish(platform, new, [make_label(one, "anger", by="bot") for one in new], NOW + HOUR)
    decisions = Decisions(released())
    watch = Watch(
        platform.connection, platform.names, "tiny", decisions, settings(), is_person=lambda who: who != "bot"
    )
    watch._read_past(lambda: False)
    result = watch.look()
    assert result is not None
    assert result.pairs == 0
    decisions.current = decisions.current.model_copy(update={"status": "rolled_back"})
    assert watch.look() is None


def drift(measure: str, gauge: str = "") -> float | None:
    return REGISTRY.get_sample_value(f"sentistream_trainer_drift{gauge}", {"measure": measure})


@pytest.mark.parametrize("measure", ["outlier_share", "corrected_share"])
def test_drift_of_each_other_measure_warns_and_has_gauges_too(measure: str) -> None:
    asked: list[str] = []
    watch = DriftWatch(settings(drift_window_s=60.0, drift_least_events=50, drift_refresh=True), asked.append)

    def window(number: int, odd: int) -> None:
        """Of 100 events so many are outliers, or of 100 words so many are corrections."""
        for one in range(100):
            at = 6e7 + number * 60 + one / 2
            outlier = measure == "outlier_share" and one < odd
            watch.add_event(event(one, "v1", label=None if outlier else "joy"), at)
            watch.add_verdict(Verdict(at, "v1", corrected=measure == "corrected_share" and one < odd, conversation="c"))

    for number in range(20):
        window(number, 4 + number % 3)
        watch.look()
    assert drift(measure, "_alarm") == 0
    low, high = drift(measure, "_low"), drift(measure, "_high")
    assert low is not None
    assert high is not None
    assert low <= 0.05 <= high < 0.6
    with capture_logs() as logs:
        for number in range(20, 24):
            window(number, 60)
            watch.look()
    assert (drift(measure), drift(measure, "_alarm")) == (0.6, 1)
    assert [(one["measure"], one["value"]) for one in logs if one["event"] == "drift"] == [(measure, 0.6)]
    assert [measure in reason for reason in asked] == [True]


def test_drift_warns_and_starts_one_refresh_but_not_for_what_is_past() -> None:
    asked: list[str] = []
    chosen = settings(drift_window_s=60.0, drift_least_events=50, drift_refresh=True)
    watch = DriftWatch(chosen, asked.append)

    def window(number: int, label: Callable[[int], str]) -> None:
        for one in range(100):
            watch.add_event(event(one, "v1", label=label(one)), 6e7 + number * 60 + one / 2)

    for number in range(20):
        window(number, lambda one: "joy" if one % 3 else "anger")
    for number in range(20, 23):
        window(number, lambda _: "fear")
    watch.caught_up()
    assert not asked
    assert REGISTRY.get_sample_value("sentistream_trainer_drift_alarm", {"measure": "label_distance"}) == 1
    for number in range(23, 26):
        window(number, lambda one: "joy" if one % 3 else "anger")
        watch.look()
    assert not asked
    assert REGISTRY.get_sample_value("sentistream_trainer_drift_alarm", {"measure": "label_distance"}) == 0
    with capture_logs() as logs:
        for number in range(26, 30):
            window(number, lambda _: "fear")
            watch.look()
            watch.look()
    assert len(asked) == 1
    assert "label_distance" in asked[0]
    assert [one["measure"] for one in logs if one["event"] == "drift"] == ["label_distance"]
