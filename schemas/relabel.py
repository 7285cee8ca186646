"""``emotion.relabels``: what another adapter says of past messages, beside what was said then."""

import hashlib
import json

from pydantic import AwareDatetime, Field

from schemas.base import Frozen, Identifier, Message
from schemas.chat import Source
from schemas.event import Policy, Status


class Labelling(Frozen):
    """One answer to a message.

    Attributes:
        confidence: the first answer's probability, after temperature; None where nothing was asked.
        scores: of the first answer, by label; left out for the old one, whose event has them.
        adapter: None for the base model.
    """

    status: Status
    label: str | None = None
    first_label: str | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    scores: dict[str, float] = Field(default_factory=dict)
    adapter: str | None = None


class Relabel(Message):
    """A past message, answered again. Written in the partition number of its message.

    Attributes:
        relabel_id: made from message, model, adapter, policy and label set, so that the same question always has the
            same one; a `read_committed` reader sees each once.
        old: None where the message has no event any more, or never had one.
        prompt_hash: of the prompt that was asked now.
        same_prompt: it is the prompt of the event; null where there is no event. False says that the two answers differ
            by more than the adapter: the window could not be rebuilt as it was, or settings have changed.
    """

    relabel_id: str
    event_id: str
    message_id: Identifier
    conversation_id: Identifier
    tenant: Identifier
    source: Source
    taxonomy: str
    model: str
    policy: Policy
    rounds: int = Field(ge=1)
    old: Labelling | None = None
    new: Labelling
    prompt_hash: str
    same_prompt: bool | None = None
    relabelled_at: AwareDatetime


def relabel_id(event_id: str, model: str, adapter: str | None, policy: str, rounds: int, taxonomy: str) -> str:
    """SHA-256 of what was asked of whom, in hexadecimal."""
    asked = json.dumps([event_id, model, adapter, policy, rounds, taxonomy])
    return hashlib.sha256(asked.encode()).hexdigest()
