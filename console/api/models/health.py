"""Whether the pipeline is well."""

from datetime import datetime
from typing import Literal

from console.api.models.base import Finding, Reply
from console.api.models.dead_letters import ReasonCount

State = Literal["ok", "behind", "down", "unknown"]


class GroupHealth(Reply):
    """One service's place in its topic.

    Attributes:
        findings: what `text` and `to_do` say, by codes; here and below.
        state: `unknown` where Kafka does not show it to the console, which `text` explains; the figures are null then.
        members: processes that are at work.
        lag_records: read by nobody yet.
        lag_seconds: age of the oldest of them; 0 without lag.
    """

    service: Literal["streams", "worker", "store"]
    group: str
    topic: str
    state: State
    members: int | None
    lag_records: int | None
    lag_seconds: float | None
    text: str
    to_do: str | None
    findings: tuple[Finding, ...] = ()


class ServiceHealth(Reply):
    """What a service says of itself on its metrics page.

    Attributes:
        state: `unknown` where no address is set.
        figures: such as `in_flight`, `pending`, `model_p50_s`, `model_p99_s`, `rate_per_s`, `adapter_live`.
    """

    service: Literal["streams", "worker", "trainer"]
    state: State
    text: str
    to_do: str | None
    findings: tuple[Finding, ...] = ()
    figures: dict[str, float]


class StoreHealth(Reply):
    """The event store.

    Attributes:
        events: that the token may see.
        lag_seconds: see the group `store`.
    """

    state: State
    text: str
    to_do: str | None
    findings: tuple[Finding, ...] = ()
    events: int
    oldest_sent_at: datetime | None
    newest_sent_at: datetime | None


class Rates(Reply):
    """Events a second that the store took, of what the token may see."""

    last_minute: float
    last_ten_minutes: float
    last_hour: float


class Health(Reply):
    """At a glance.

    Attributes:
        state: the worst of the parts that are known.
        text: the worst in words.
        kafka_finding: why it could not be asked; null where it could.
        latency_ms: p50 and p99 of the last ten minutes' events, from sending to the decision; empty without any.
        dead_letters: null where the token sees one tenant only, or Kafka could not be asked.
    """

    state: State
    text: str
    checked_at: datetime
    kafka: State
    kafka_finding: Finding | None = None
    groups: tuple[GroupHealth, ...]
    services: tuple[ServiceHealth, ...]
    store: StoreHealth
    rates: Rates
    latency_ms: dict[str, float]
    dead_letters: tuple[ReasonCount, ...] | None
