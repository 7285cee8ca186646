"""The worker's spans of each message: queue, negotiation, each call, commit. Imported only while traces are on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from opentelemetry.context import Context
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv._incubating.attributes import messaging_attributes as names
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, set_span_in_context

from prompts.roles import Role
from schemas.event import EmotionEvent, Mode
from schemas.otlp import SpanExport, headers_of, without_trace
from worker.current_trace import CALL_HEADERS, CURRENT_TRACE
from worker.engines.contract import Choice, Writing
from worker.records import Outcome
from worker.settings import WorkerSettings

_MS: Final = 1_000_000
_OPERATIONS: Final[dict[Mode, str]] = {"direct": "text_completion", "reasoned": "chat"}


class WorkerTraces:
    """Makes the traces of messages."""

    def __init__(self, export: SpanExport, settings: WorkerSettings) -> None:
        self._export = export
        self._settings = settings

    def taken(self, message: Any) -> "MessageSpans | None":
        """A record of ``sanm.requests`` was taken; None where it is not followed."""
        parent = self._export.followed(message.headers() or ())
        return None if parent is None else MessageSpans(self._export, self._settings, message, parent)

    def close(self) -> None:
        """Send what waits."""
        self._export.close()


class MessageSpans:
    """The spans of one message, under the one that its request names, or under the first of them."""

    __slots__ = ("_commit", "_context", "_export", "_negotiate", "_queue", "_settings")

    def __init__(self, export: SpanExport, settings: WorkerSettings, message: Any, parent: Context) -> None:
        self._export = export
        self._settings = settings
        self._queue = export.tracer.start_span(
            "worker.queue", parent, SpanKind.CONSUMER, self._received(message), start_time=_written_at(message)
        )
        self._queue.add_event("taken")
        has_parent = get_current_span(parent).get_span_context().is_valid
        self._context = parent if has_parent else set_span_in_context(self._queue, parent)
        self._negotiate: Span | None = None
        self._commit: Span | None = None

    def begun(self) -> None:
        """The wait is over."""
        self._queue.end()
        self._negotiate = self._export.tracer.start_span("worker.negotiate", self._context)
        CURRENT_TRACE.set(self)

    @contextmanager
    def call(self, role: Role, number: int, model: str, adapter: str | None) -> Iterator["CallSpan"]:
        """One question to the model; what it raises is named by its kind alone, for its words may hold a message's."""
        above = self._context if self._negotiate is None else set_span_in_context(self._negotiate, self._context)
        span = self._export.tracer.start_span("sanm.call", above, SpanKind.CLIENT)
        span.set_attributes(
            {
                gen_ai.GEN_AI_OPERATION_NAME: _OPERATIONS[self._settings.sanm_mode],
                gen_ai.GEN_AI_PROVIDER_NAME: self._settings.engine,
                gen_ai.GEN_AI_REQUEST_MODEL: model,
                "sentistream.role": role,
                "sentistream.round": number,
                "sentistream.adapter": adapter or "none",
            }
        )
        asked = CALL_HEADERS.set({name: value.decode() for name, value in headers_of(span)})
        try:
            yield CallSpan(span)
        except BaseException as error:
            span.set_attribute(ERROR_TYPE, type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            CALL_HEADERS.reset(asked)
            span.end()

    def decided(self, outcome: Outcome) -> None:
        """The negotiation is over, and the commit is awaited."""
        self._queue.end()  # it may have got its outcome without a place; a second end does nothing
        if self._negotiate is not None:
            if outcome.event is not None:
                self._negotiate.set_attributes(_result(outcome.event))
            self._fail(self._negotiate, outcome)
            self._negotiate.end()
        if outcome.record is None:
            return
        self._commit = commit = self._export.tracer.start_span(
            "worker.commit", self._context, SpanKind.PRODUCER, self._sent(outcome.record.topic)
        )
        self._fail(commit, outcome)
        headers = outcome.record.headers
        headers[:] = [*headers_of(commit), *without_trace(headers)]

    def committed(self) -> None:
        """The transaction is over."""
        if self._commit is not None:
            self._commit.end()

    def abandoned(self) -> None:
        """End all that is open as failed; the next worker's spans come under the same parent."""
        for span in (self._queue, self._negotiate, self._commit):
            if span is not None and span.is_recording():
                span.set_status(StatusCode.ERROR, "the partition was revoked")
                span.end()

    def _received(self, message: Any) -> dict[str, str | int]:
        return {
            names.MESSAGING_SYSTEM: "kafka",
            names.MESSAGING_DESTINATION_NAME: self._settings.requests,
            names.MESSAGING_DESTINATION_PARTITION_ID: str(message.partition()),
            names.MESSAGING_KAFKA_OFFSET: message.offset(),
            names.MESSAGING_CONSUMER_GROUP_NAME: self._settings.worker_group,
            names.MESSAGING_OPERATION_NAME: "poll",
            names.MESSAGING_OPERATION_TYPE: "receive",
        }

    def _sent(self, topic: str) -> dict[str, str]:
        return {
            names.MESSAGING_SYSTEM: "kafka",
            names.MESSAGING_DESTINATION_NAME: topic,
            names.MESSAGING_OPERATION_NAME: "commit",
            names.MESSAGING_OPERATION_TYPE: "send",
        }

    @staticmethod
    def _fail(span: Span, outcome: Outcome) -> None:
        if outcome.reason is not None:
            span.set_attribute(ERROR_TYPE, outcome.reason)
            span.set_status(StatusCode.ERROR, outcome.reason)


class CallSpan:
    """One call's span."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def answered(self, label: str | None, answer: Choice | Writing) -> None:
        """The label and what it cost; never what was written."""
        self._span.set_attributes(
            {
                gen_ai.GEN_AI_USAGE_INPUT_TOKENS: answer.prompt_tokens,
                gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: answer.completion_tokens,
                "sentistream.label": label or "none",
            }
        )


def _result(event: EmotionEvent) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float | None] = {
        names.MESSAGING_MESSAGE_ID: event.message_id,
        names.MESSAGING_MESSAGE_CONVERSATION_ID: event.conversation_id,
        "sentistream.event_id": event.event_id,
        "sentistream.tenant": event.tenant,
        "sentistream.language": event.language,
        "sentistream.policy": event.policy,
        "sentistream.status": event.status,
        "sentistream.rounds": len(event.rounds),
        "sentistream.label": event.label,
        "sentistream.confidence": event.confidence,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _written_at(message: Any) -> int:
    """When the request came to Kafka, in nanoseconds since 1970; now, where the clocks do not agree."""
    kind, milliseconds = message.timestamp()
    now = time.time_ns()
    return now if kind == TIMESTAMP_NOT_AVAILABLE else min(int(milliseconds) * _MS, now)
