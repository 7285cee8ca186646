"""The windows of conversations without any store: what a replay of a topic gives, turn by turn.

The stream keeps the same windows in Redis; a test compares the two by prompt hash. The trainer uses these.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Windowed:
    """A message and the turns before it. They are counted alike for every taxonomy; the prompt is not."""

    message: ChatMessage
    turn: MeasuredTurn
    before: tuple[MeasuredTurn, ...]

    def parts(self, builder: PartsBuilder) -> PromptParts:
        """Its prompt; the builder differs from the windows' in its taxonomy at most."""
        return builder.build(self.message, self.turn, self.before)


class OfflineWindows:
    """Windows in memory for messages that come in the order of one partition."""

    def __init__(self, builder: PartsBuilder) -> None:
        self._builder = builder
        self._turns: dict[str, deque[tuple[int, MeasuredTurn]]] = {}

    def prompts(self, messages: Iterable[tuple[Source, ChatMessage]]) -> Iterator[tuple[Source, PromptParts]]:
        """The prompt's parts of each message; a replay sees the window of its original and adds nothing."""
        for source, message in messages:
            yield source, self.add(source, message).parts(self._builder)

    def add(self, source: Source, message: ChatMessage) -> Windowed:
        """Take one message."""
        (turn,) = self._builder.measure([message])
        window = self._turns.setdefault(conversation_key(message), deque())
        if message.replay_of is None:
            before = [one for _, one in window]
            window.append((source.offset, self._builder.stored(turn)))
        else:
            before = [one for offset, one in window if offset < message.replay_of.offset]
        return Windowed(message, turn, tuple(before[max(len(before) - self._builder.rule.turns, 0) :]))
