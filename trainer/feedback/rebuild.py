"""Labelled messages' prompts made again from ``chat.messages``, by the code that made them in the stream."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from prompts.parts import PartsBuilder
from prompts.windows import OfflineWindows
from schemas.adapter import OffsetSpan
from schemas.chat import ChatMessage, Source
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.prompt import PromptParts


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A message and its prompt in the taxonomy that its event has."""

    message: ChatMessage
    parts: PromptParts


class PromptRebuild:
    """The windows of the conversations that labels speak of; all others are passed over.

    Args:
        builders: by the name of the taxonomy.
        topic_id: Kafka's id of ``chat.messages``.
        wanted: labelled messages, and the taxonomy of each.
        conversations: ids of their conversations.

    Attributes:
        found: the wanted messages that were met.
        malformed: records that are no message; the stream passed over them too.
    """

    def __init__(
        self,
        builders: dict[str, PartsBuilder],
        topic_id: str,
        wanted: dict[Source, str],
        conversations: Collection[str],
    ) -> None:
        self._builders = builders
        self._topic_id = topic_id
        self._wanted = wanted
        self._conversations = conversations
        # As in the stream, a conversation's window belongs to the partition.
        self._windows: dict[tuple[int, str], OfflineWindows] = {}
        self.found: dict[Source, Rebuilt] = {}
        self.malformed = 0

    def shortened(self, spans: Iterable[OffsetSpan], topic: str) -> list[OffsetSpan]:
        """The spans up to each partition's last wanted message: what comes later changes no prompt."""
        last: dict[int, int] = {}
        for source in self._wanted:
            last[source.partition] = max(last.get(source.partition, 0), source.offset + 1)
        return [
            span.model_copy(update={"end": max(span.start, min(span.end, last.get(span.partition, 0)))})
            for span in spans
            if span.topic == topic
        ]

    def add(self, records: Iterable[Any]) -> None:
        """Take records of ``chat.messages``, in the order of each partition."""
        for record in records:
            try:
                message = decode(ChatMessage, record.value())
            except SchemaError:
                self.malformed += 1
                continue
            source = Source(topic_id=self._topic_id, partition=record.partition(), offset=record.offset())
            if message.conversation_id in self._conversations or source in self._wanted:
                self._add(source, message)

    def _add(self, source: Source, message: ChatMessage) -> None:
        for taxonomy, builder in self._builders.items():
            windows = self._windows.setdefault((source.partition, taxonomy), OfflineWindows(builder))
            ((_, parts),) = windows.prompts([(source, message)])
            if self._wanted.get(source) == taxonomy:
                self.found[source] = Rebuilt(message, parts)
