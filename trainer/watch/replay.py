"""Prompts made again from `chat.messages`, without the stream's Redis: partition by partition, message by message."""

from typing import Any

from prompts.parts import PartsBuilder
from prompts.windows import OfflineWindows
from schemas.chat import ChatMessage, Source
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.prompt import PromptParts


def exact_look_back_s(builder: PartsBuilder) -> float:
    """How far back, in message time, a turn of a prompt can lie: k turns, none further than the gap from the next."""
    return builder.rule.turns * builder.rule.session_gap if "H" in builder.parts else 0.0


class PromptReplay:
    """The windows of all partitions of one topic; each must be read in order, from far enough back."""

    def __init__(self, builder: PartsBuilder, topic_id: str) -> None:
        self._builder = builder
        self._topic_id = topic_id
        # As the stream: a conversation's window belongs to the partition.
        self._windows: dict[int, OfflineWindows] = {}

    def add(self, record: Any) -> tuple[Source, ChatMessage, PromptParts] | None:
        """The prompt of one record of `confluent_kafka`; None where it is no message."""
        try:
            message = decode(ChatMessage, record.value())
        except SchemaError:
            return None
        partition: int = record.partition()
        source = Source(topic_id=self._topic_id, partition=partition, offset=record.offset())
        windows = self._windows.setdefault(partition, OfflineWindows(self._builder))
        ((_, parts),) = windows.prompts([(source, message)])
        return source, message, parts
