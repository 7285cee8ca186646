"""The health of all parts in one answer, whatever is down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from console.api.models.base import Finding
from console.api.models.dead_letters import ReasonCount
from console.api.models.health import GroupHealth, Health, ServiceHealth, State, StoreHealth
from console.api.refreshed import Refreshed, Snapshot
from console.api.service_metrics import ServiceMetrics
from console.api.settings import ApiSettings
from console.codes import HealthCode
from console.errors import PortError
from console.ports import GroupLag, Letter, Ports
from console.queries.health import ages, has_writer, latency_ms, rates
from console.queries.reader import Reader
from console.queries.totals import KnownTotals

#: A service is behind when its oldest unread record is older.
_BEHIND_S: Final = 10.0
_WORST_FIRST: Final[tuple[State, ...]] = ("down", "behind", "unknown", "ok")
_START: Final = {
    "streams": "Start `sentistream streams`.",
    "worker": "Start `sentistream worker`.",
    "store": "Start `sentistream store`, or `sentistream console` without --no-store.",
}
_CATCH_UP: Final = {
    "streams": "It catches up by itself unless more comes than it can do: docs/scaling.md.",
    "worker": "It catches up by itself unless more comes than it can do: add a worker, docs/scaling.md.",
    "store": "It catches up by itself; the worker and the stream are not held up by it.",
}
_RIGHTS: Final = "Give the console's login what deploy/acls/console.sh lists."


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found outside of the store."""

    lags: Snapshot[tuple[GroupLag, ...]]
    services: Snapshot[tuple[ServiceHealth, ...]]


class HealthReport:
    """Asks Kafka and the services in the background."""

    def __init__(self, settings: ApiSettings, ports: Ports) -> None:
        self._lags: Refreshed[tuple[GroupLag, ...]] = Refreshed("lags", lambda: tuple(ports.pipeline.lags()))
        self._services: Refreshed[tuple[ServiceHealth, ...]] = Refreshed(
            "services", ServiceMetrics(settings).read, life_s=2.0
        )

    def close(self) -> None:
        """Let the threads end."""
        self._lags.close()
        self._services.close()

    def look(self) -> Looked:
        """At Kafka and the services; this may wait for them."""
        return Looked(self._lags.get(), self._services.get())

    def report(
        self,
        connection: Connection,
        reader: Reader,
        totals: KnownTotals,
        looked: Looked,
        letters: Snapshot[tuple[Letter, ...]],
    ) -> Health:
        """For one reader; of several tenants' figures it gets its own."""
        lags, services = looked.lags, looked.services
        writes = has_writer(connection)
        groups = tuple(_group(one, writes=writes) for one in lags.value or ()) if lags.trouble is None else ()
        store = _store(connection, reader, totals, groups)
        kafka: State = "ok" if lags.trouble is None else "down"
        parts: list[tuple[State, str]] = [
            (kafka, str(lags.trouble or "Kafka answers")),
            *((one.state, f"{one.service}: {one.text}") for one in groups),
            # Of a service whose page has no address nothing is expected.
            *((one.state, f"{one.service}: {one.text}") for one in services.value or () if one.state != "unknown"),
            (store.state, f"store: {store.text}"),
        ]
        state = next((one for one in _WORST_FIRST if any(one == each for each, _ in parts)), "unknown")
        return Health(
            state=state,
            text="All is well." if state == "ok" else next(text for each, text in parts if each == state),
            checked_at=datetime.now(UTC),
            kafka=kafka,
            kafka_finding=None if lags.trouble is None else finding_of(lags.trouble),
            groups=groups,
            services=services.value or (),
            store=store,
            rates=rates(connection, reader),
            latency_ms=latency_ms(connection, reader),
            dead_letters=_reasons(reader, letters),
        )


def count_reasons(letters: Sequence[Letter]) -> tuple[ReasonCount, ...]:
    """How many there are of each reason, the most first."""
    found: dict[str, list[Letter]] = {}
    for one in letters:
        found.setdefault(one.reason, []).append(one)
    counts = (
        ReasonCount(reason=some[0].reason, count=len(some), last_at=max(one.failed_at for one in some))
        for some in found.values()
    )
    return tuple(sorted(counts, key=lambda one: (-one.count, one.reason)))


def finding_of(trouble: PortError) -> Finding:
    """What a port could not do, for whoever says it in another language."""
    return Finding(code=trouble.code, facts=dict(trouble.facts))


def _reasons(reader: Reader, letters: Snapshot[tuple[Letter, ...]]) -> tuple[ReasonCount, ...] | None:
    # Nobody knows whose message a record is that cannot be read.
    if reader.tenant is not None or letters.value is None:
        return None
    return count_reasons(letters.value)


def _group(lag: GroupLag, *, writes: bool) -> GroupHealth:
    if lag.lacking:
        lacking = ", ".join(lag.lacking)
        return GroupHealth(
            service=lag.service,
            group=lag.group,
            topic=lag.topic,
            state="unknown",
            members=None,
            lag_records=None,
            lag_seconds=None,
            text=f"cannot be seen: the console's login lacks {lacking}",
            to_do=_RIGHTS,
            findings=(Finding(code="hidden", facts={"lacking": lacking}),),
        )
    members = int(writes) if lag.members is None else lag.members
    state: State = "ok"
    text, to_do = "up to date", None
    code: HealthCode = "keeps_up" if lag.records else "up_to_date"
    if lag.records:
        text = f"{lag.records:,} records behind, the oldest {lag.seconds:.0f} s old"
    if lag.seconds > _BEHIND_S:
        state, to_do, code = "behind", _CATCH_UP[lag.service], "behind"
    if not members:
        state, to_do, code = "down", _START[lag.service], "nobody"
        text = f"nobody is at work; {text}"
    return GroupHealth(
        service=lag.service,
        group=lag.group,
        topic=lag.topic,
        state=state,
        members=members,
        lag_records=lag.records,
        lag_seconds=lag.seconds,
        text=text,
        to_do=to_do,
        findings=(Finding(code=code, facts={"service": lag.service, "records": lag.records, "seconds": lag.seconds}),),
    )


def _store(connection: Connection, reader: Reader, totals: KnownTotals, groups: Sequence[GroupHealth]) -> StoreHealth:
    events = totals.get(connection).of(reader.tenant)
    known = ages(connection, reader)
    group = next((one for one in groups if one.service == "store"), None)
    text = f"{events:,} events" if events else "no events yet: they come as soon as messages do"
    kept = Finding(code="stored" if events else "nothing_stored", facts={"events": events})
    trouble = group if group is not None and group.state != "ok" else None
    return StoreHealth(
        state=group.state if group else "ok",
        text=text if trouble is None else f"{text}; {trouble.text}",
        to_do=group.to_do if group else None,
        findings=(kept, *(trouble.findings if trouble else ())),
        events=events,
        oldest_sent_at=known.oldest,
        newest_sent_at=known.newest,
    )
