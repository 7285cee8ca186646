"""Spans of one message without Kafka: an engine's outage, a lost partition, a model's server that goes on with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from prompts.profile import ModelProfile
from schemas.otlp import SpanExport
from schemas.tracing import TraceSettings
from tests.worker.model_folder import make_folder, parts_of, request_of, roles_of
from tests.worker.openai_double import Asked, OpenAIDouble, error
from worker.engines.contract import EngineUnavailableError
from worker.engines.openai_http import Server
from worker.engines.openai_server import OpenAIServerEngine
from worker.labelling import SanmLabeller, SanmOptions
from worker.settings import WorkerSettings
from worker.traces import MessageSpans, WorkerTraces

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Request:
    """A record of ``sanm.requests``, as far as traces look at it."""

    def headers(self) -> list[tuple[str, bytes]]:
        return [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


class Spans:
    """What was made."""

    def __init__(self, memory: InMemorySpanExporter) -> None:
        self._memory = memory
        export = SpanExport(TraceSettings(traces=True), "worker", "one")
        self._traces = WorkerTraces(export, WorkerSettings(engine="openai", sanm_mode="direct"))

    def taken(self) -> MessageSpans:
        found = self._traces.taken(Request())
        assert found is not None
        return found

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self._memory.get_finished_spans() if one.name == name]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """Kept here instead of sent."""
    memory = InMemorySpanExporter()
    monkeypatch.setattr("schemas.otlp.BatchSpanProcessor", lambda *_, **__: SimpleSpanProcessor(memory))
    return Spans(memory)


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble().running() as running:
        yield running


async def label(double: OpenAIDouble, folder: Path) -> None:
    make_folder(folder, "chat")
    engine = OpenAIServerEngine(Server(double.url, "little"), roles_of(folder))
    labeller = SanmLabeller(engine, ModelProfile.read(folder), roles_of(folder), SanmOptions(policy="one-pass"))
    try:
        await labeller.label(request_of(parts_of("bad news", "chat"), 0), taken_at=NOW)
    finally:
        await engine.close()


async def test_a_models_server_is_asked_under_the_calls_span(
    spans: Spans, double: OpenAIDouble, tmp_path: Path
) -> None:
    spans.taken().begun()
    await label(double, tmp_path)
    (call,) = spans.named("sanm.call")
    assert call.context is not None
    carried = [one.headers.get("traceparent") for one in double.requests]
    assert f"00-{TRACE}-{call.context.span_id:016x}-01" in carried
    assert call.attributes is not None
    assert call.attributes["gen_ai.usage.input_tokens"]


async def test_an_outage_is_told_by_its_kind_and_never_by_its_words(
    spans: Spans, double: OpenAIDouble, tmp_path: Path
) -> None:
    def down(asked: Asked) -> tuple[int, Any] | None:
        del asked
        return error(503, "cannot answer: bad news")

    double.override = down
    spans.taken().begun()
    with pytest.raises(EngineUnavailableError):
        await label(double, tmp_path)
    (call,) = spans.named("sanm.call")
    assert call.attributes is not None
    assert call.attributes["error.type"] == "StatusError"
    assert "bad news" not in call.to_json()
    assert not call.events


def test_a_partition_that_is_lost_ends_what_is_open(spans: Spans) -> None:
    message = spans.taken()
    message.begun()
    message.abandoned()
    (negotiate,) = spans.named("worker.negotiate")
    assert negotiate.status.description == "the partition was revoked"
    assert len(spans.named("worker.queue")) == 1
