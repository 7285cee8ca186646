"""Alert rules as their file has them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from console.alerts.webhook import Webhook
from schemas.taxonomy import Sentiment

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Severity = Literal["info", "warning", "critical"]
#: A rule's window fits in what a rule remembers.
_LONGEST_MINUTES = 24 * 60


class _Strict(BaseModel):
    """A field that is spelt wrong is an error, never silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Rule(_Strict):
    """What all rules have.

    Attributes:
        label: with ``sentiment`` and ``outlier``, of which exactly one is given: the messages that the rule is about.
        confidence: they count above it only.
        tenant: None is about all of them.
        cooldown_minutes: after it came true for somebody, it stays silent about them for so long.
        webhooks: that are told, by name.
    """

    name: Name
    severity: Severity = "warning"
    label: str | None = None
    sentiment: Sentiment | None = None
    outlier: bool = False
    confidence: float = Field(default=0.0, ge=0, lt=1)
    tenant: str | None = None
    cooldown_minutes: float = Field(default=10.0, ge=0, le=_LONGEST_MINUTES)
    webhooks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        if sum((self.label is not None, self.sentiment is not None, self.outlier)) != 1:
            raise ValueError("say what it is about: one of label, sentiment, outlier: true")
        if self.outlier and self.confidence:
            raise ValueError("outliers have no confidence: leave it out")
        return self

    @property
    def what(self) -> str:
        """In words."""
        subject = "outliers" if self.outlier else self.label or self.sentiment or ""
        return f"{subject} over {self.confidence:g}" if self.confidence else subject

    @property
    def definition(self) -> dict[str, Any]:
        """Its fields, as in the file, but for the name."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"name"})


class TurnsRule(_Rule):
    """So many messages of one speaker, or of one conversation.

    Attributes:
        turns: how many.
        of: whose.
        consecutive: none of theirs in between that does not count.
        within_minutes: from the first of them to the last, by the times they were sent.
    """

    kind: Literal["turns"]
    turns: int = Field(ge=1, le=100)
    of: Literal["speaker", "conversation"] = "speaker"
    consecutive: bool = True
    within_minutes: float | None = Field(default=None, gt=0, le=_LONGEST_MINUTES)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.consecutive and self.within_minutes is None:
            raise ValueError("consecutive: false needs within_minutes: else every old message would count for ever")
        return self

    @property
    def text(self) -> str:
        """The rule in words."""
        number = f"{self.turns} turns{' in a row' if self.consecutive else ''}" if self.turns > 1 else "a turn"
        span = "" if self.within_minutes is None else f" within {self.within_minutes:g} minutes"
        return f"{self.what} in {number} of one {self.of}{span}"


class ShareRule(_Rule):
    """A share of all messages of a while.

    Attributes:
        share: above which it is true, from 0 to 1.
        minutes: how many, the one that runs included, by the times the messages were sent.
        messages: fewer are never judged.
        per: of one tenant, of one conversation, or of all.
    """

    kind: Literal["share"]
    share: float = Field(gt=0, lt=1)
    minutes: int = Field(ge=1, le=_LONGEST_MINUTES)
    messages: int = Field(default=20, ge=1)
    per: Literal["tenant", "conversation", "all"] = "tenant"

    @property
    def text(self) -> str:
        """The rule in words."""
        of = {"tenant": "of one tenant", "conversation": "of one conversation", "all": "of all messages"}[self.per]
        return f"{self.what} share over {self.share * 100:g} % in {self.minutes} minutes {of}"


Rule = Annotated[TurnsRule | ShareRule, Field(discriminator="kind")]


class Rules(_Strict):
    """The whole file."""

    rules: tuple[Rule, ...] = ()
    webhooks: dict[Name, Webhook] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are named {twice[0]}: what came true is kept by the name")
        for rule in self.rules:
            if unknown := sorted(set(rule.webhooks) - set(self.webhooks)):
                raise ValueError(f"rule {rule.name} names the webhook {unknown[0]}, which is not among webhooks")
        return self
