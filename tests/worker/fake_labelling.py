"""A labeller without a model: answers at once or after seeded delays, and refuses or is out when told to."""

import asyncio
from datetime import UTC, datetime
from random import Random

from schemas.event import EmotionEvent, Policy, Times
from schemas.request import SanmRequest
from worker.engines.contract import EngineUnavailableError, PromptRefusedError

REFUSED = "refuse this"
BROKEN = "break on this"
HELD = "hold this"


class FakeLabeller:
    """Labels everything joy.

    Attributes:
        out: while true, every call meets an outage.
        stuck: while true, calls wait.
        holding: while true, calls for the text `HELD` wait.
        calls: sources by event id, in the order they were asked.
    """

    def __init__(self, delay_s: float = 0.0, seed: int = 0) -> None:
        self.out = False
        self.stuck = False
        self.holding = True
        self.calls: list[str] = []
        self._delay_s = delay_s
        self._random = Random(seed)

    async def label(self, request: SanmRequest, *, taken_at: datetime, policy: Policy | None = None) -> EmotionEvent:
        self.calls.append(request.source.event_id)
        if self.out:
            raise EngineUnavailableError("the fake is out")
        while self.stuck or (self.holding and request.message.text == HELD):  # noqa: ASYNC110 -- set from another thread
            await asyncio.sleep(0.01)
        if self._delay_s:
            await asyncio.sleep(self._random.uniform(0, self._delay_s))
        message = request.message
        if message.text == REFUSED:
            raise PromptRefusedError("refused as told")
        if message.text == BROKEN:
            raise RuntimeError(message.text)
        return EmotionEvent(
            event_id=request.source.event_id,
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            tenant=message.tenant,
            speaker=message.speaker,
            language="en",
            status="labelled",
            label="joy",
            sentiment="positive",
            first_label="joy",
            taxonomy=request.prompt.taxonomy,
            mode="direct",
            policy=policy or "one-pass",
            model="fake",
            prompt_hash=request.prompt_hash,
            source=request.source,
            times=Times(
                sent_at=message.sent_at,
                received_at=request.received_at,
                requested_at=request.requested_at,
                taken_at=taken_at,
                decided_at=datetime.now(UTC),
            ),
        )


class FakeLabelling:
    """The model's side of a worker."""

    def __init__(self, labeller: FakeLabeller | None = None, tokenizer: str | None = None) -> None:
        self.labeller = labeller or FakeLabeller()
        self.tokenizer = tokenizer

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to stop."""
