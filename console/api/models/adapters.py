"""Adapter versions: what the gate said of them, what they labelled, which one is live."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from console.api.models.base import Facts, Finding, Order, Reason, Reply
from schemas.event import Policy

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class GateRule(Reply):
    """One rule of the gate, and whether the candidate kept it.

    Attributes:
        code: names the text, whose places `facts` fill; null in reports that were written before there were codes.
    """

    name: str
    passed: bool
    text: str
    code: str | None = None
    facts: Facts = Field(default_factory=dict)


class GateLabel(Reply):
    """F1 of one label on the held-out messages, with the live adapter and with this one."""

    name: str
    support: int
    live_f1: float
    candidate_f1: float


class GateSummary(Reply):
    """Why the gate let a version pass, or did not.

    Attributes:
        against: the version that was live, or the model's name.
        against_base: that was the model without an adapter.
    """

    released: bool
    reasons: tuple[str, ...]
    rules: tuple[GateRule, ...]
    against: str
    against_base: bool = False
    messages: int
    policy: Policy
    live: dict[str, float]
    candidate: dict[str, float]
    labels: tuple[GateLabel, ...]
    decided_at: datetime


class Decision(Reply):
    """A release or a rollback.

    Attributes:
        version: null is the model without an adapter.
        by_gate: the trainer released it, for the gate let it pass.
    """

    version: str | None
    status: Literal["released", "rolled_back"]
    previous: str | None
    reason: str | None
    by_gate: bool = False
    decided_at: datetime


class Labelled(Reply):
    """What one version labelled, of the events stored.

    Attributes:
        version: null is the model without an adapter.
        unlabelled: outliers and unsupported languages.
        corrected: of those, how many a person gave another label.
        labels: by what the model said.
    """

    version: str | None
    model: str
    events: int
    unlabelled: int
    corrected: int
    labels: dict[str, int]
    last_at: datetime


class Adapter(Reply):
    """One published version.

    Attributes:
        parent: the version that training went on from; null for the base model.
        gate: null where it has no report.
        labelled: null where it labelled nothing that is stored.
    """

    version: str
    live: bool
    made_at: datetime
    parent: str | None
    metrics: dict[str, float]
    gate: GateSummary | None
    labelled: Labelled | None


class Adapters(Reply):
    """A model's versions, the newest first.

    Attributes:
        live: null is the model without an adapter.
        rollback_to: the version that a rollback goes to; null is the model without an adapter.
        can_roll_back: there is something to go back to.
        trouble: why registry or Kafka could not be asked, and what to do; what is known all the same is shown.
        findings: the same by codes.
        labelled: by every version that stored events have, also those that the registry lacks.
    """

    model: str
    live: str | None
    rollback_to: str | None
    can_roll_back: bool
    versions: tuple[Adapter, ...]
    history: tuple[Decision, ...]
    labelled: tuple[Labelled, ...]
    trouble: str | None
    findings: tuple[Finding, ...] = ()


class ReleaseOrder(Order):
    """Why a version is made live."""

    reason: Reason = "from the console"


class RollbackOrder(Order):
    """Where to go back to, and why.

    Attributes:
        to: a version, or `base` for none; left out: the one that was live before.
    """

    to: Version | None = None
    reason: Reason = "from the console"
