"""Alerts, adapters, health and dead letters."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from console.api.asking import OperatorOfAll, Viewer, ViewerOfAll
from console.api.context import Parts
from console.api.health_report import count_reasons, finding_of
from console.api.models.adapters import Adapter, Adapters, Decision, ReleaseOrder, RollbackOrder, Version
from console.api.models.alerts import AlertPage, AlertRules
from console.api.models.dead_letters import DeadLetterPage, DeadLetterRow, Replayed, ReplayOrder
from console.api.models.health import Health
from console.api.parameters import Page, Text
from console.errors import PortError
from console.ports import AdapterState, Letter
from console.queries.adapters import labelled
from console.queries.alerts import alert_page
from console.queries.cursors import Position
from schemas.dead_letter import DeadLetterReason

router = APIRouter()


class AlertQuery(Page):
    """Of alerts."""

    rule: Text | None = None
    severity: Text | None = None
    tenant: Text | None = None


class DeadLetterQuery(Page):
    """Of dead letters."""

    reason: DeadLetterReason | None = None


@router.get("/alerts", tags=["alerts"])
def list_alerts(asker: Viewer, query: Annotated[AlertQuery, Query()]) -> AlertPage:
    """Rules that came true, the newest first."""
    with asker.parts.database.reading() as connection:
        return alert_page(
            connection,
            asker.reader,
            rule=query.rule,
            severity=query.severity,
            tenant=query.tenant,
            limit=query.limit,
            after=query.after,
        )


@router.get("/alerts/rules", tags=["alerts"])
def list_rules(asker: Viewer) -> AlertRules:
    """The rules that concern what the token sees."""
    return asker.parts.rules(asker.reader)


@router.get("/adapters", tags=["model"])
def list_adapters(asker: Viewer) -> Adapters:
    """Every version: what the gate said of it, and what it labelled."""
    snapshot = asker.parts.adapters.get()
    with asker.parts.database.reading() as connection:
        done = labelled(connection, asker.reader)
    state = snapshot.value or AdapterState("", (), (), None)
    live = state.live.version if state.live else None
    troubles = state.troubles if snapshot.trouble is None else (snapshot.trouble,)
    of_model = {one.version: one for one in done if one.model == state.model}
    return Adapters(
        model=state.model,
        live=live,
        rollback_to=state.live.previous if state.live else None,
        can_roll_back=live is not None,
        versions=tuple(
            Adapter(
                version=one.version,
                live=one.version == live,
                made_at=one.made_at,
                parent=one.parent,
                metrics=dict(one.metrics),
                gate=one.gate,
                labelled=of_model.get(one.version),
            )
            for one in reversed(state.versions)
        ),
        history=state.decisions[::-1],
        labelled=done,
        trouble="; ".join(map(str, troubles)) or None,
        findings=tuple(finding_of(one) for one in troubles),
    )


@router.post("/adapters/{version}/release", tags=["model"])
def release(asker: OperatorOfAll, version: Annotated[Version, Path()], body: ReleaseOrder) -> Decision:
    """Make a version live: its files are checked, and workers follow within seconds."""
    return _decided(asker.parts, asker.parts.ports.adapters.release(version, f"{body.reason} ({asker.holder.name})"))


@router.post("/adapters/rollback", tags=["model"])
def roll_back(asker: OperatorOfAll, body: RollbackOrder) -> Decision:
    """Go back to the version that was live before, or to another one."""
    return _decided(asker.parts, asker.parts.ports.adapters.roll_back(body.to, f"{body.reason} ({asker.holder.name})"))


@router.get("/health", tags=["health"])
def health(asker: Viewer) -> Health:
    """All parts and what to do about them; 200 whatever is down."""
    parts = asker.parts
    looked, letters = parts.health.look(), parts.letters.get()
    with parts.database.reading() as connection:
        return parts.health.report(connection, asker.reader, parts.totals, looked, letters)


@router.get("/dead-letters", tags=["health"])
def list_dead_letters(asker: ViewerOfAll, query: Annotated[DeadLetterQuery, Query()]) -> DeadLetterPage:
    """What got no event and why, without its text."""
    snapshot = asker.parts.letters.get()
    if snapshot.value is None:
        text = "the dead letters were not read yet: try again in a moment"
        raise snapshot.trouble or PortError(text, code="letters_not_read_yet")
    chosen = [one for one in snapshot.value if query.reason in (None, one.reason)][::-1]
    start = query.after.id if query.after else 0
    end = start + query.limit
    return DeadLetterPage(
        letters=tuple(_row(one) for one in chosen[start:end]),
        counts=count_reasons(snapshot.value),
        next_cursor=Position(0, end).encode() if end < len(chosen) else None,
    )


@router.post("/dead-letters/replay", tags=["health"])
def replay(asker: OperatorOfAll, body: ReplayOrder) -> Replayed:
    """Send dead letters back through `chat.messages`."""
    attempts = tuple(asker.parts.ports.dead_letters.replay(body))
    if not body.dry_run:
        asker.parts.letters.forget()
    counts: dict[str, int] = {}
    for one in attempts:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    return Replayed(dry_run=body.dry_run, attempts=attempts, counts=counts)


def _decided(parts: Parts, decision: Decision) -> Decision:
    parts.adapters.forget()
    return decision


def _row(letter: Letter) -> DeadLetterRow:
    return DeadLetterRow(
        place=letter.place,
        reason=letter.reason,
        detail=letter.detail,
        failed_at=letter.failed_at,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        event_id=letter.event_id,
        bytes=letter.size,
        replayed=letter.replayed,
    )
