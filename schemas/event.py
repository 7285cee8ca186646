"""``emotion.events``: exactly one for each chat message that could be read."""

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.base import Frozen, Message
from schemas.chat import Source
from schemas.taxonomy import Sentiment

#: ``outlier``: no consensus; ``unsupported``: a language that the model does not know. Neither has a label.
Status = Literal["labelled", "outlier", "unsupported"]
Mode = Literal["direct", "reasoned"]
Policy = Literal["one-pass", "paper", "calibrated", "vote3"]


class Answer(Frozen):
    """What one role said once.

    Attributes:
        label: None where the answer was outside the label set, which is no decision.
        scores: temperature-scaled probability by label name; empty where the engine gives none.
        reason: in the model's words (reasoned mode).
    """

    label: str | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    reason: str | None = None


class Round(Frozen):
    """One round of the negotiation. The discriminator is not asked where the policy does without it."""

    number: int = Field(ge=1)
    generator: Answer
    discriminator: Answer | None = None


class Deduction(Frozen):
    """E = (S, P, R) of SentiXRL, section 3.1: the scenario, the people in it and how they stand to each other."""

    scenario: str
    people: str
    relationships: str


class Usage(Frozen):
    """What the model was asked for one message. ``model_seconds`` is the time that calls of this message took."""

    model_calls: int = Field(default=0, ge=0)
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    model_seconds: float = Field(default=0.0, ge=0)


class Times(Frozen):
    """When each step of one message was done, in their order."""

    sent_at: AwareDatetime
    received_at: AwareDatetime
    requested_at: AwareDatetime
    taken_at: AwareDatetime
    decided_at: AwareDatetime


class EmotionEvent(Message):
    """The emotion of one chat message.

    Attributes:
        event_id: made from the message's source, so that the same message always has the same one.
        confidence: probability of the label among the closed set, after temperature; None without a label.
        first_label: what the generator said first, before any negotiation.
        candidates: the labels that were on the table, the likeliest first (outliers).
    """

    event_id: str
    message_id: str
    conversation_id: str
    tenant: str
    speaker: str
    text: str | None = None
    language: str
    status: Status
    label: str | None = None
    sentiment: Sentiment | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    scores: dict[str, float] = Field(default_factory=dict)
    first_label: str | None = None
    candidates: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    deduction: Deduction | None = None
    taxonomy: str
    mode: Mode
    policy: Policy
    model: str
    adapter: str | None = None
    prompt_hash: str
    degraded: bool = False
    replay: bool = False
    source: Source
    usage: Usage = Usage()
    times: Times

    @property
    def outlier(self) -> bool:
        """No consensus was reached."""
        return self.status == "outlier"
