"""The windows of conversations without any store: what a replay of a topic gives, turn by turn.

The stream keeps the same windows in Redis; a test compares the two by prompt hash. The trainer uses these.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from prompts.parts import MeasuredTurn, PartsBuilder
from schemas.chat import ChatMessage, Source
from schemas.prompt import PromptParts

#: Stands between tenant and conversation; an identifier cannot hold it.
_BETWEEN = "\x1f"


def conversation_key(message: ChatMessage) -> str:
    """What tells conversations apart: two tenants may use the same id."""
    return key_of(message.tenant, message.conversation_id)


def key_of(tenant: str, conversation_id: str) -> str:
    """The same from both of its parts."""
    return f"{tenant}{_BETWEEN}{conversation_id}"


class OfflineWindows:
    """Windows in memory for messages that come in the order of one partition."""

    def __init__(self, builder: PartsBuilder) -> None:
        self._builder = builder
        self._turns: dict[str, deque[tuple[int, MeasuredTurn]]] = {}

    def prompts(self, messages: Iterable[tuple[Source, ChatMessage]]) -> Iterator[tuple[Source, PromptParts]]:
        """The prompt's parts of each message; a replay sees the window of its original and adds nothing."""
        for source, message in messages:
            (turn,) = self._builder.measure([message])
            window = self._turns.setdefault(conversation_key(message), deque())
            if message.replay_of is None:
                before = [one for _, one in window]
            else:
                before = [one for offset, one in window if offset < message.replay_of.offset]
            yield source, self._builder.build(message, turn, before[max(len(before) - self._builder.rule.turns, 0) :])
            if message.replay_of is None:
                window.append((source.offset, self._builder.stored(turn)))
