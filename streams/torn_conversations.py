"""Conversations whose messages come from two partitions: publishers use two partitioners, and windows are torn."""

import hashlib
from collections.abc import Iterable
from typing import Final

import structlog

from streams.metrics import TORN
from streams.window import PartitionWork

log = structlog.get_logger()

#: Conversations that are remembered; then it begins anew, for what is torn now is soon seen again.
_MOST: Final = 200_000


class TornConversations:
    """Remembers where this process met each conversation. Others see those of their own partitions."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._met: dict[str, int] = {}
        self._torn: set[str] = set()
        self._warned = False

    def look(self, works: Iterable[PartitionWork]) -> None:
        """Count conversations that stand in another partition than before, each once, and say so once."""
        for work in works:
            for group in work.groups:
                # A replay of a dead letter asks for a window and adds nothing.
                if group.entries and self._met.setdefault(group.conversation, work.partition) != work.partition:
                    self._tell(group.conversation, work.partition)
        if len(self._met) > self._most:
            self._met.clear()
            self._torn.clear()

    def _tell(self, conversation: str, partition: int) -> None:
        if conversation in self._torn:
            return
        self._torn.add(conversation)
        TORN.inc()
        if not self._warned:
            self._warned = True
            log.warning(
                "conversation_in_two_partitions",
                conversation_sha256=hashlib.sha256(conversation.encode()).hexdigest()[:12],
                partitions=sorted((self._met[conversation], partition)),
                to_do="publishers must all use the murmur2 partitioner; `sentistream doctor` names the others",
            )
