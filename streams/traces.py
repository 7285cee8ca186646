"""The stream's spans of each message: its window, its prompt, the sending of its request. Only while traces are on."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from opentelemetry.context import Context
from opentelemetry.semconv._incubating.attributes import messaging_attributes as names
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, get_current_span, set_span_in_context

from schemas.otlp import SpanExport, headers_of, unfollowed, without_trace
from streams.batch import Outgoing, Share
from streams.records import Record
from streams.settings import StreamsSettings

#: The SDK's own limit of links at a span.
_LINKS: Final = 128


class StreamTraces:
    """Makes the traces of batches."""

    def __init__(self, export: SpanExport, settings: StreamsSettings) -> None:
        self._export = export
        self._settings = settings

    def batch(self, size: int) -> "BatchTrace":
        """A batch begins."""
        return BatchTrace(self._export, self._settings, size)

    def close(self) -> None:
        """Send what waits."""
        self._export.close()


class BatchTrace:
    """One batch on its way.

    A message's spans belong to the trace that it came with, or to a new one. What a batch does is done for all of its
    messages at once: a span of its own has that, linked with those of its messages in both directions.
    """

    def __init__(self, export: SpanExport, settings: StreamsSettings, size: int) -> None:
        self._export = export
        self._settings = settings
        self._size = size
        self._began = self._found = time.time_ns()
        #: Made with the first message that is followed.
        self._batch: Span | None = None
        self._sends: list[Span] = []

    def windows_found(self) -> None:
        """Redis has answered for all of them."""
        self._found = time.time_ns()

    def carried(self, shares: Sequence[Share], outgoing: Sequence[Sequence[Outgoing]]) -> list[list[Outgoing]]:
        """The same requests, each with its trace in its headers; all prompts were made by now."""
        built = time.time_ns()
        return [
            [self._carried(share, record, one, built) for record, one in zip(share.records, requests, strict=True)]
            for share, requests in zip(shares, outgoing, strict=True)
        ]

    def confirmed(self) -> None:
        """Kafka has all requests."""
        for span in self._sends:
            span.end()
        if self._batch is not None:
            self._batch.end()

    def _carried(self, share: Share, record: Record, one: Outgoing, built: int) -> Outgoing:
        parent = self._export.followed(record.headers)
        if parent is None:
            headers = unfollowed(one.headers)
            return one if headers is one.headers else replace(one, headers=headers)
        window = self._window(parent, self._facts(share, record))
        if not get_current_span(parent).get_span_context().is_valid:
            parent = set_span_in_context(window, parent)
        prompt = self._export.tracer.start_span("stream.prompt", parent, start_time=self._found)
        if (refusal := share.refusals.get(record.offset)) is not None:
            prompt.set_status(StatusCode.ERROR, refusal.reason)
        prompt.end(built)
        facts = {
            **self._messaging(self._settings.requests),
            names.MESSAGING_OPERATION_NAME: "send",
            names.MESSAGING_OPERATION_TYPE: "send",
            names.MESSAGING_DESTINATION_PARTITION_ID: str(one.partition),
        }
        send = self._export.tracer.start_span("stream.send", parent, SpanKind.PRODUCER, facts, start_time=built)
        self._sends.append(send)
        return replace(one, headers=[*headers_of(send), *without_trace(one.headers)])

    def _window(self, parent: Context, facts: dict[str, str | int]) -> Span:
        """The message's span of what was done for the whole batch until now."""
        batch = self._batch = self._batch or self._batch_span()
        window = self._export.tracer.start_span(
            "stream.window",
            parent,
            SpanKind.CONSUMER,
            facts,
            links=[Link(batch.get_span_context())],
            start_time=self._began,
        )
        if len(self._sends) < _LINKS:
            batch.add_link(window.get_span_context())
        window.end(self._found)
        return window

    def _batch_span(self) -> Span:
        facts: dict[str, str | int] = {
            **self._messaging(self._settings.messages),
            names.MESSAGING_BATCH_MESSAGE_COUNT: self._size,
        }
        return self._export.tracer.start_span(
            "stream.batch", Context(), SpanKind.CONSUMER, facts, start_time=self._began
        )

    def _facts(self, share: Share, record: Record) -> dict[str, str | int]:
        """Never the text, nor who spoke."""
        facts: dict[str, str | int] = {
            **self._messaging(self._settings.messages),
            names.MESSAGING_OPERATION_NAME: "process",
            names.MESSAGING_OPERATION_TYPE: "process",
            names.MESSAGING_CONSUMER_GROUP_NAME: self._settings.streams_group,
            names.MESSAGING_DESTINATION_PARTITION_ID: str(record.partition),
            names.MESSAGING_KAFKA_OFFSET: record.offset,
        }
        if (row := share.rows.get(record.offset)) is not None:
            facts[names.MESSAGING_MESSAGE_ID] = row.message.message_id
            facts[names.MESSAGING_MESSAGE_CONVERSATION_ID] = row.message.conversation_id
            facts["sentistream.tenant"] = row.message.tenant
        return facts

    @staticmethod
    def _messaging(topic: str) -> dict[str, str]:
        return {names.MESSAGING_SYSTEM: "kafka", names.MESSAGING_DESTINATION_NAME: topic}
