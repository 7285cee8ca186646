"""Asking a model every message of a file by one policy, through the same labeller that serves."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.chat import ChatMessage, Source
from schemas.event import EmotionEvent, Mode, Policy
from schemas.request import SanmRequest
from sentistream.evaluation.subject import Subject
from trainer.evaluation.answered import Answered
from trainer.examples import Example
from worker.calibration import Trust
from worker.engines.contract import Engine, PromptRefusedError
from worker.labelling import SanmLabeller, SanmOptions

_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_IDENTIFIER = 256


@dataclass(frozen=True, slots=True)
class Way:
    """How everything is asked."""

    policy: Policy
    mode: Mode = "direct"
    rounds: int = 3


class _OneAdapter:
    """The adapter of an evaluation, held for ever."""

    def __init__(self, version: str | None, trust: Trust | None) -> None:
        self._version = version
        self._trust = trust

    def acquire(self) -> str | None:
        """Always the same."""
        return self._version

    def trust(self, version: str | None) -> Trust | None:
        """As it was fitted; None for the model's own figures."""
        del version
        return self._trust

    def release(self, version: str | None) -> None:
        """It stays."""


async def ask_all(
    subject: Subject, engine: Engine, examples: Sequence[Example], way: Way, done: Callable[[], None]
) -> tuple[list[Answered], float]:
    """Every message's answer, in their order, and the seconds that it took.

    Args:
        subject: who is asked.
        engine: through which; started, its adapter loaded.
        examples: what is asked.
        way: how.
        done: is called after each message.

    Raises:
        EngineUnavailableError: the engine is out for long; what was answered is kept.
    """
    hold = _OneAdapter(subject.adapter.version if subject.adapter else None, subject.trust)
    labeller = SanmLabeller(engine, subject.profile, subject.roles, SanmOptions(way.policy, way.mode, way.rounds), hold)
    found: list[Answered | None] = [None] * len(examples)

    async def ask(rows: Sequence[int]) -> None:
        for row in rows:
            found[row] = await _answered(labeller, row, examples[row])
            done()

    began = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for rows in _together(examples, way.mode):
                group.create_task(ask(rows))
    except ExceptionGroup as group_error:  # all for the same reason, such as an outage
        raise _first(group_error) from group_error
    return [one for one in found if one is not None], time.perf_counter() - began


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _together(examples: Sequence[Example], mode: Mode) -> list[list[int]]:
    """What must be asked one after the other: in mode reasoned a conversation's deduction serves its later messages."""
    if mode == "direct":
        return [[row] for row in range(len(examples))]
    by_conversation: dict[str, list[int]] = {}
    for row, one in enumerate(examples):
        by_conversation.setdefault(one.conversation, []).append(row)
    return list(by_conversation.values())


async def _answered(labeller: SanmLabeller, row: int, example: Example) -> Answered:
    try:
        event = await labeller.label(request_of(row, example), taken_at=_NOW)
    except PromptRefusedError:
        return Answered(None, None, refused=True)
    return _from_event(event)


def _from_event(event: EmotionEvent) -> Answered:
    first = event.rounds[0].generator if event.rounds else None
    return Answered(
        first=event.first_label,
        final=event.label,
        first_scores=dict(first.scores) if first else {},
        scores=dict(event.scores),
        calls=event.usage.model_calls,
        prompt_tokens=event.usage.prompt_tokens,
        completion_tokens=event.usage.completion_tokens,
        model_seconds=event.usage.model_seconds,
    )


def request_of(row: int, example: Example) -> SanmRequest:
    """An example as the stream would send it to the worker; ``row`` is its offset."""
    parts = example.question.parts
    message = ChatMessage(
        message_id=str(row),
        conversation_id=example.conversation[:_IDENTIFIER],
        speaker=parts.message.speaker or "?",
        text=parts.message.text or "?",
        sent_at=_NOW,
    )
    return SanmRequest(
        source=Source(topic_id="evaluation", partition=0, offset=row),
        after=row - 1,
        received_at=_NOW,
        message=message,
        prompt=parts,
        prompt_hash="",
        tokenizer="",
        requested_at=_NOW,
    )
