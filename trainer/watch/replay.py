"""Prompts made again from `chat.messages`, without the stream's Redis: partition by partition, message by message."""

from typing import Any, Final

from prompts.parts import PartsBuilder
from prompts.windows import OfflineWindows, Windowed
from schemas.chat import ChatMessage, Source
from trainer.watch.records import read

#: Kafka's time stamps are not quite the messages' times, so a little more than the exact look-back is read.
SLACK_S: Final = 3600.0


def exact_look_back_s(builder: PartsBuilder) -> float:
    """How far back, in message time, a turn of a prompt can lie: k turns, none further than the gap from the next."""
    return builder.rule.turns * builder.rule.session_gap if "H" in builder.parts else 0.0


class PromptReplay:
    """The windows of all partitions of one topic; each must be read in order, from far enough back.

    Args:
        builder: counts the turns; which taxonomy it has does not matter, for an event may have another.
        topic_id: Kafka's id of `chat.messages`.
    """

    def __init__(self, builder: PartsBuilder, topic_id: str) -> None:
        self._builder = builder
        self._topic_id = topic_id
        # As the stream: a conversation's window belongs to the partition.
        self._windows: dict[int, OfflineWindows] = {}

    def add(self, record: Any) -> tuple[Source, Windowed] | None:
        """The window of one record of `confluent_kafka`; None where it is no message."""
        if (message := read(ChatMessage, record)) is None:
            return None
        partition: int = record.partition()
        source = Source(topic_id=self._topic_id, partition=partition, offset=record.offset())
        windows = self._windows.setdefault(partition, OfflineWindows(self._builder))
        return source, windows.add(source, message)
