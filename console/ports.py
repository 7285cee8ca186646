"""What the console needs of the rest of the product, which it does not import: whoever starts it hands these in.

All methods may block for seconds: the API calls them in threads of their own, with a time-out. What they raise is
`PortError`, whose text says what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from console.api.models.adapters import Decision, GateSummary
from console.api.models.dead_letters import ReplayAttempt, ReplayOrder
from console.errors import PortError
from schemas.dead_letter import DeadLetterReason
from schemas.feedback import EmotionLabel


@dataclass(frozen=True, slots=True)
class PublishedAdapter:
    """One version as the registry has it."""

    version: str
    made_at: datetime
    parent: str | None
    metrics: Mapping[str, float]
    gate: GateSummary | None


@dataclass(frozen=True, slots=True)
class AdapterState:
    """All that registry and Kafka say of a model.

    Attributes:
        versions: oldest first; empty where the registry could not be asked.
        decisions: oldest first.
        live: the decision that workers follow; None where there was none yet.
        troubles: what could not be asked, and what to do.
    """

    model: str
    versions: tuple[PublishedAdapter, ...]
    decisions: tuple[Decision, ...]
    live: Decision | None
    troubles: tuple[PortError, ...] = ()


class AdapterRegistry(Protocol):
    """The registry and the topic of releases."""

    def state(self) -> AdapterState:
        """What there is; never raises for a store or a Kafka that is out, but says so in `troubles`."""

    def release(self, version: str, reason: str) -> Decision:
        """Make a version live; returns when Kafka has it."""

    def roll_back(self, to: str | None, reason: str) -> Decision:
        """Go back to a version, `base`, or what was live before (None); returns when Kafka has it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its text.

    Attributes:
        place: PARTITION:OFFSET in its own topic.
    """

    place: str
    reason: DeadLetterReason
    detail: str
    failed_at: datetime
    topic: str
    partition: int
    offset: int
    event_id: str | None
    size: int
    replayed: bool


class DeadLetterTopic(Protocol):
    """The topic of dead letters."""

    def letters(self) -> Sequence[Letter]:
        """All of them, oldest first."""

    def replay(self, order: ReplayOrder) -> Sequence[ReplayAttempt]:
        """Send some back through `chat.messages`; returns when Kafka has them."""


@dataclass(frozen=True, slots=True)
class GroupLag:
    """How far one service is behind.

    Attributes:
        members: None where the service joins no group, as the store.
        records: not read yet, all partitions together.
        seconds: age of the oldest of them by Kafka's time stamps; 0 without lag.
        lacking: the rights that this login would need to see it; none where it has them.
    """

    service: Literal["streams", "worker", "store"]
    group: str
    topic: str
    members: int | None
    records: int
    seconds: float
    lacking: tuple[str, ...] = ()


class Pipeline(Protocol):
    """What Kafka knows of the services."""

    def lags(self) -> Sequence[GroupLag]:
        """Of each service."""


class LabelSink(Protocol):
    """Where people's labels go."""

    def send(self, label: EmotionLabel) -> tuple[int, int]:
        """Write one, and return its partition and offset once Kafka has it for good."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them."""

    labels: LabelSink
    adapters: AdapterRegistry
    dead_letters: DeadLetterTopic
    pipeline: Pipeline
