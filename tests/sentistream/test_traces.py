"""One message followed from `chat.messages` to its event, with the real stream and worker and a collector."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from schemas.topics import topics as all_topics
from schemas.tracing import TraceSettings, start_export
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.publisher import Outbound, Publisher
from sentistream.services import Services
from sentistream.topics import create_topics
from tests.otlp_collector import Collector, Received
from tests.waiting import wait_for

SECRET = "nobody may read this in a trace"  # a message's text
PUBLISHER_SPAN = "00f067aa0ba902b7"
FOLLOWED, UNFOLLOWED, REJECTED, LATER = (secrets.token_hex(16) for _ in range(4))


@dataclass
class Traced:
    """A stream and a worker with traces on."""

    connection: KafkaSettings
    names: TopicNames
    collector: Collector
    folder: Path

    def publish(self, headers: tuple[tuple[str, bytes], ...], *, value: bytes | None = None) -> None:
        message = ChatMessage(
            message_id=secrets.token_hex(4),
            conversation_id="c",
            speaker="ann",
            text=SECRET,
            sent_at=datetime.now(UTC),
        )
        publisher = Publisher(self.connection, self.names.messages)
        publisher.publish(Outbound(b"c", value or encode(message), headers))
        publisher.flush(30)

    def read(self, topic: str, count: int) -> list[Message]:
        """So many committed records, or a failed test."""
        options = {"group.id": "r", "isolation.level": "read_committed", "auto.offset.reset": "earliest"}
        reader = Consumer({**self.connection.librdkafka(), **options, "enable.auto.commit": False})
        reader.assign([TopicPartition(topic, 0, 0)])
        found: list[Message] = []

        def enough() -> bool:
            message = reader.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message)
            return len(found) >= count

        wait_for(enough, f"{count} records in {topic}")
        reader.close()
        return found


@pytest.fixture(scope="module")
def traced(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    names = TopicNames(topic_prefix=f"traced-{secrets.token_hex(4)}.")
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    create_topics(connection, all_topics(names, "embedded", 1))
    with Collector() as collector:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "REDIS_URL": redis_server.url,
            "TOPIC_PREFIX": names.topic_prefix,
            "STREAMS_GROUP": f"{names.topic_prefix}streams",
            "WORKER_GROUP": f"{names.topic_prefix}worker",
            "WORKER_ID": f"{names.topic_prefix}worker",
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            "ENGINE": "scripted",
            "SANM_POLICY": "paper",
            "TRACES": "on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        folder = tmp_path_factory.mktemp("services")
        with Services(folder, environment) as services:
            for name in ("streams", "worker"):
                services.wait_until_ready(name, 120, lambda: False)
            yield Traced(connection, names, collector, folder)


def trace_parent(trace: str, *, sampled: bool = True) -> tuple[tuple[str, bytes], ...]:
    return (
        ("traceparent", f"00-{trace}-{PUBLISHER_SPAN}-{'01' if sampled else '00'}".encode()),
        ("tracestate", b"a=b"),
    )


def named(spans: list[Received], name: str) -> list[Received]:
    return sorted((one for one in spans if one.name == name), key=lambda one: one.began)


def headers(message: Message) -> dict[str, bytes]:
    return dict(message.headers() or ())


@pytest.fixture(scope="module")
def followed(traced: Traced) -> list[Received]:
    """The spans of a message that came with a trace; before it came one with a trace nobody wants, and one without."""
    traced.publish(trace_parent(UNFOLLOWED, sampled=False))
    traced.publish(())
    traced.publish(trace_parent(FOLLOWED))
    traced.publish(trace_parent(REJECTED), value=b"no message")
    traced.read(traced.names.events, 3)
    wait_for(lambda: bool(named(traced.collector.of(FOLLOWED), "worker.commit")), "the last span")
    wait_for(lambda: bool(named(traced.collector.of(FOLLOWED), "stream.send")), "the stream's spans")
    return traced.collector.of(FOLLOWED)


@pytest.mark.kafka
def test_one_trace_holds_a_messages_whole_way_under_the_publishers_span(followed: list[Received]) -> None:
    once = ("stream.window", "stream.prompt", "stream.send", "worker.queue", "worker.negotiate", "worker.commit")
    by_name = {name: named(followed, name) for name in once}
    assert {name: len(found) for name, found in by_name.items()} == dict.fromkeys(once, 1)
    spans = {name: found[0] for name, found in by_name.items()}
    for name in ("stream.window", "stream.prompt", "stream.send"):
        assert spans[name].parent == PUBLISHER_SPAN
        assert spans[name].service == "sentistream-streams"
    for name in ("worker.queue", "worker.negotiate", "worker.commit"):
        assert spans[name].parent == spans["stream.send"].span
        assert spans[name].service == "sentistream-worker"
    assert spans["stream.window"].ended == spans["stream.prompt"].began
    assert spans["stream.prompt"].ended == spans["stream.send"].began
    assert spans["worker.queue"].ended <= spans["worker.negotiate"].began + 1_000_000
    assert spans["worker.negotiate"].ended <= spans["worker.commit"].ended


@pytest.mark.kafka
def test_each_call_to_the_model_is_a_span_of_its_own(followed: list[Received]) -> None:
    (negotiate,) = named(followed, "worker.negotiate")
    calls = named(followed, "sanm.call")
    assert len(calls) == len(followed) - 6 >= 2
    assert {one.parent for one in calls} == {negotiate.span}
    asked = [(one.attributes["sentistream.round"], one.attributes["sentistream.role"]) for one in calls]
    assert asked[:2] == [(1, "generator"), (1, "discriminator")]
    assert asked == sorted(asked, key=lambda one: (one[0], one[1] == "discriminator"))
    assert all(one.attributes["gen_ai.usage.input_tokens"] > 0 for one in calls)
    assert all(one.attributes["gen_ai.operation.name"] == "text_completion" for one in calls)
    assert negotiate.attributes["sentistream.rounds"] == calls[-1].attributes["sentistream.round"]
    if negotiate.attributes["sentistream.status"] == "labelled":
        assert calls[-1].attributes["sentistream.label"] == negotiate.attributes["sentistream.label"]


@pytest.mark.kafka
def test_the_event_carries_the_platforms_trace_on(traced: Traced, followed: list[Received]) -> None:
    (commit,) = named(followed, "worker.commit")
    by_trace = {headers(one)["traceparent"].split(b"-")[1].decode(): one for one in traced.read(traced.names.events, 3)}
    event = headers(by_trace[FOLLOWED])
    assert event["traceparent"] == f"00-{FOLLOWED}-{commit.span}-01".encode()
    assert event["tracestate"] == b"a=b"
    assert headers(by_trace[UNFOLLOWED])["traceparent"] == f"00-{UNFOLLOWED}-{PUBLISHER_SPAN}-00".encode()
    (own,) = by_trace.keys() - {FOLLOWED, UNFOLLOWED}
    roots = [one for one in traced.collector.of(own) if not one.parent]
    assert [one.name for one in roots] == ["stream.window"]
    assert not traced.collector.of(UNFOLLOWED)


@pytest.mark.kafka
def test_what_a_batch_did_is_linked_with_its_messages(traced: Traced, followed: list[Received]) -> None:
    (window,) = named(followed, "stream.window")
    (batch,) = [one for one in traced.collector.spans if one.name == "stream.batch" and window.span in one.links]
    assert window.links == (batch.span,)
    assert batch.trace != window.trace
    assert batch.attributes["messaging.batch.message_count"] >= 1


@pytest.mark.kafka
def test_a_record_that_is_no_message_is_followed_to_its_dead_letter(traced: Traced, followed: list[Received]) -> None:
    assert followed
    (letter,) = traced.read(traced.names.dead_letters, 1)
    wait_for(lambda: bool(named(traced.collector.of(REJECTED), "worker.commit")), "the commit's span")
    spans = traced.collector.of(REJECTED)
    assert {one.name for one in spans if one.failed} == {"stream.prompt", "worker.commit"}
    assert headers(letter)["traceparent"].split(b"-")[1] == REJECTED.encode()


@pytest.mark.kafka
def test_no_span_holds_what_was_said_or_by_whom(traced: Traced, followed: list[Received]) -> None:
    assert followed
    for one in traced.collector.spans:
        assert SECRET.encode() not in one.raw
        assert b"ann" not in [str(value).encode() for value in one.attributes.values()]


@pytest.mark.kafka
def test_a_collector_that_is_away_holds_nothing_up(traced: Traced, followed: list[Received]) -> None:
    assert followed
    traced.collector.stop()
    traced.publish(trace_parent(LATER))
    last = traced.read(traced.names.events, 4)[-1]
    assert headers(last)["traceparent"].split(b"-")[1] == LATER.encode()


#: Runs both services' code with traces off, and says who asked for OpenTelemetry, and what of it is there.
_OFF = """
import builtins, json, sys
own, real = [], builtins.__import__
def watched(name, globals=None, *rest, **named):
    who = (globals or {}).get("__name__", "")
    if name.split(".")[0] == "opentelemetry" and who.split(".")[0] in ("schemas", "prompts", "streams", "worker"):
        own.append(f"{who} imports {name}")
    return real(name, globals, *rest, **named)
builtins.__import__ = watched
import streams.service, worker.service, worker.model_side
from schemas.tracing import start_export
from streams.settings import StreamsSettings
from worker.settings import WorkerSettings
for settings in (StreamsSettings(), WorkerSettings()):
    assert start_export(settings, "s", "i") is None
assert streams.service._traces(StreamsSettings()) is None
assert worker.service._traces(WorkerSettings()) is None
spans = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
print(json.dumps([own, [one for one in sys.modules if one.startswith(spans)]]))
"""


def test_while_traces_are_off_nothing_of_opentelemetry_is_imported() -> None:
    # redis-py loads OpenTelemetry's metrics by itself wherever it is installed: hence who asks, and what for.
    environment = {name: value for name, value in os.environ.items() if name != "TRACES"}
    done = subprocess.run(
        [sys.executable, "-c", _OFF], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    imports, modules = json.loads(done.stdout.splitlines()[-1])
    assert (imports, modules) == ([], [])


@pytest.mark.parametrize("address", ["collector:4318", "http://user:word@collector:4318", "grpc://collector"])
def test_an_address_that_is_none_or_holds_a_login_is_refused(address: str) -> None:
    given: dict[str, Any] = {"otel_exporter_otlp_endpoint": address}
    with pytest.raises(ValueError, match=r"http://collector:4318|OTEL_EXPORTER_OTLP_HEADERS"):
        TraceSettings(**given)


@pytest.mark.parametrize("header", ["Authorization: Bearer hunter2", "authorization=Bearer hunter2"])
def test_a_login_for_the_collector_is_not_logged_where_it_is_miswritten(
    header: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", header)
    export = start_export(TraceSettings(traces=True), "a-service", "one")
    assert export is not None
    export.close()
    assert ("Header format invalid" in caplog.text) == ("=" not in header)
    assert "hunter2" not in caplog.text
