"""What the stream must send for a partition, told from the topic alone: no Redis, no batches, no state."""

from collections.abc import Iterable, Iterator

from prompts.parts import PartsBuilder, prompt_hash
from prompts.windows import OfflineWindows
from schemas.chat import ChatMessage, Source
from streams.records import Refusal, read


def expected_hashes(
    topic_id: str, partition: int, records: Iterable[tuple[int, bytes | None]], builder: PartsBuilder
) -> Iterator[tuple[Source, str]]:
    """The prompt's hash of every message of a partition, in order; records that are no message are left out.

    Args:
        topic_id: of ``chat.messages``.
        partition: of the records.
        records: offset and value, in order.
        builder: as the stream has it.
    """
    for source, parts in OfflineWindows(builder).prompts(_messages(topic_id, partition, records)):
        yield source, prompt_hash(parts)


def _messages(
    topic_id: str, partition: int, records: Iterable[tuple[int, bytes | None]]
) -> Iterator[tuple[Source, ChatMessage]]:
    for offset, value in records:
        message = read(value)
        if not isinstance(message, Refusal):
            yield Source(topic_id=topic_id, partition=partition, offset=offset), message
