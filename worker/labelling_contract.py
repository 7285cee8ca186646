"""The seam between the exactly-once consumer and SANM: one request in, one event out."""

from datetime import datetime
from typing import Protocol

from schemas.event import EmotionEvent, Policy
from schemas.request import SanmRequest


class Labeller(Protocol):
    """Labels requests; many calls wait at once on one event loop."""

    async def label(self, request: SanmRequest, *, taken_at: datetime, policy: Policy | None = None) -> EmotionEvent:
        """Negotiate the label of one message.

        But for the policy the event must depend on nothing that a second call could not see again: a request is
        labelled anew after a crash, and only one of the two events is ever visible.

        Args:
            request: the message and its prompt's parts.
            taken_at: when the worker took the request.
            policy: in place of the settings' own, where age or lag ask for it; the event says which was used.

        Raises:
            worker.engines.contract.EngineUnavailableError: an outage; the call is made again later.
            worker.engines.contract.PromptRefusedError: this request can never be labelled.
        """
