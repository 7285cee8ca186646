"""Believable answers for Review, Alerts, Model and Health."""

from datetime import timedelta
from typing import Any

from console.alerts.rules import ShareRule, TurnsRule
from console.api import models as m
from tests.console.web.believable import World, row
from tests.trainer.test_gate_rules import compared, label, side
from trainer.gate.rules import enough, judge_figures
from trainer.gate.settings import GateSettings
from trainer.stages import BY_GATE

ANGRY = TurnsRule(name="angry-speaker", kind="turns", label="anger", confidence=0.8, turns=3)
SHARE = ShareRule(
    name="negative-share", kind="share", severity="critical", sentiment="negative", share=0.4, minutes=10, tenant="shop"
)
REASONS = ("not_json", "invalid", "too_old")


def review(of: World) -> m.ReviewQueue:
    """Outliers first, then the least certain."""
    order = sorted(of.events, key=lambda one: one.confidence if one.confidence is not None else -1.0)[:20]
    items = []
    for one in order:
        before = [
            turn for turn in of.events if turn.conversation_id == one.conversation_id and turn.sequence < one.sequence
        ]
        items.append(
            m.ReviewItem.model_validate(
                row(one).model_dump()
                | {
                    "why": "outlier" if one.status == "outlier" else "uncertain",
                    "uncertainty": 1 - (one.confidence or 0),
                    "candidates": one.candidates,
                    "scores": one.scores,
                    "context": [
                        {"speaker": turn.speaker, "text": turn.text, "label": turn.label} for turn in before[-3:]
                    ],
                }
            )
        )
    return m.ReviewQueue(items=tuple(items), remaining=min(len(of.events), 57), next_cursor=None)


def given(of: World, label: str | None = "anger", who: str = "mei") -> m.GivenLabel:
    """A person's label of the newest event."""
    one = of.events[-1]
    return m.GivenLabel(
        event_id=one.event_id,
        message_id=one.message_id,
        conversation_id=one.conversation_id,
        tenant=one.tenant,
        speaker=one.speaker,
        text=one.text,
        taxonomy=one.taxonomy,
        label=label,
        model_label=one.model_label,
        adapter=one.adapter,
        labelled_by=who,
        labelled_at=of.now,
    )


def labels(of: World) -> m.LabelPage:
    """The latest."""
    found = () if of.empty else (given(of), given(of, "joy", "jonas"), given(of, None, "jonas"))
    return m.LabelPage(labels=found, next_cursor=None)


def agreement(of: World) -> m.Agreement:
    """Of two people."""
    if of.empty:
        return m.Agreement(reviewers=(), pairs=(), messages=0, alpha=None)
    people = (
        m.Reviewer(name="mei", labels=212, last_at=of.now, agreed_with_model=0.71),
        m.Reviewer(name="jonas", labels=88, last_at=of.now - timedelta(hours=5), agreed_with_model=0.64),
    )
    pair = m.Pair(first="mei", second="jonas", messages=61, agreement=0.82, kappa=0.74)
    return m.Agreement(reviewers=people, pairs=(pair,), messages=61, alpha=0.735)


def alerts(of: World) -> m.AlertPage:
    """One of each kind."""
    if of.empty:
        return m.AlertPage(alerts=(), next_cursor=None)
    sent = {
        "webhook": "team",
        "state": "sent",
        "attempts": 2,
        "next_attempt_at": None,
        "sent_at": of.now,
        "last_error": None,
    }
    waiting = sent | {
        "state": "pending",
        "sent_at": None,
        "last_error": "HTTP 503",
        "next_attempt_at": of.now,
    }
    speaker: dict[str, Any] = {
        "alert_id": 7,
        "rule": "angry-speaker",
        "severity": "warning",
        "title": ANGRY.text,
        "tenant": "shop",
        "conversation_id": "room-3",
        "speaker": "ana",
        "event_id": of.events[-1].event_id,
        "value": 0.86,
        "threshold": 0.8,
        "facts": {"turns": 3},
        "definition": ANGRY.definition,
        "occurred_at": of.now - timedelta(minutes=3),
        "noticed_at": of.now - timedelta(minutes=3),
        "ended_at": None,
        "deliveries": [sent],
    }
    everywhere = speaker | {
        "alert_id": 6,
        "rule": "negative-share",
        "severity": "critical",
        "title": SHARE.text,
        "definition": SHARE.definition,
        "conversation_id": None,
        "speaker": None,
        "event_id": None,
        "value": 0.46,
        "threshold": 0.4,
        "occurred_at": of.now - timedelta(minutes=40),
        "ended_at": of.now - timedelta(minutes=12),
        "deliveries": [waiting],
    }
    return m.AlertPage.model_validate({"alerts": [speaker, everywhere], "next_cursor": None})


def rules(of: World) -> m.AlertRules:
    """Those that made the alerts."""
    if of.empty:
        return m.AlertRules(rules=(), file=None, webhook=False)
    return m.AlertRules(
        rules=tuple(
            m.AlertRule(
                name=one.name, severity=one.severity, text=one.text, tenant=one.tenant, definition=one.definition
            )
            for one in (ANGRY, SHARE)
        ),
        file="alerts.yaml",
        webhook=True,
    )


def _gate(of: World, *, released: bool) -> m.GateSummary:
    settings = GateSettings()
    candidate = side(accuracy=0.72, macro_f1=0.62, weighted_f1=0.67, calibration_error=0.028)
    figures = compared(candidate=candidate, labels=(label(40, 0.82 if released else 0.7), label(163, 0.84)))
    found = (enough(1108, 96, 7, settings), *judge_figures(figures, settings))
    rules = [m.GateRule.model_validate(one.model_dump()) for one in found]
    return m.GateSummary(
        released=released,
        reasons=tuple(f"{one.name}: {one.text}" for one in rules if not one.passed),
        rules=tuple(rules),
        against="20260227T031500Z-91bc",
        messages=1108,
        policy="paper",
        live={name: getattr(figures.live, name) for name in ("weighted_f1", "accuracy")},
        candidate={name: getattr(figures.candidate, name) for name in ("weighted_f1", "accuracy")},
        labels=(
            m.GateLabel(name="anger", support=153, live_f1=0.41, candidate_f1=0.47),
            m.GateLabel(name="joy", support=163, live_f1=0.55, candidate_f1=0.58),
            m.GateLabel(name="neutral", support=470, live_f1=0.74, candidate_f1=0.75),
            m.GateLabel(name="fear", support=40, live_f1=0.22, candidate_f1=0.25 if released else 0.129),
        ),
        decided_at=of.now - timedelta(hours=9),
    )


def adapters(of: World) -> m.Adapters:
    """Three versions, one live, one refused."""
    if of.empty:
        return m.Adapters(
            model="sentistream-enzh-37m",
            live=None,
            rollback_to=None,
            can_roll_back=False,
            versions=(),
            history=(),
            labelled=(),
            trouble=None,
        )
    live, before, refused = "20260301T031500Z-3f2a", "20260227T031500Z-91bc", "20260302T031500Z-77d0"
    did = m.Labelled(
        version=live, model="sentistream-enzh-37m", events=160, unlabelled=9, corrected=4,
        labels={"neutral": 70, "joy": 40, "anger": 25, "sadness": 16}, last_at=of.now,
    )  # fmt: skip
    base = did.model_copy(
        update={"version": None, "events": 80, "unlabelled": 6, "corrected": 7, "labels": {"neutral": 50, "joy": 24}}
    )
    common: dict[str, Any] = {"parent": None, "metrics": {"weighted_f1": 0.61}, "labelled": None}
    versions = (
        m.Adapter(
            version=refused, live=False, made_at=of.now - timedelta(hours=9), gate=_gate(of, released=False), **common
        ),
        m.Adapter(
            version=live,
            live=True,
            made_at=of.now - timedelta(days=1),
            gate=_gate(of, released=True),
            **(common | {"labelled": did, "parent": before}),
        ),
        m.Adapter(version=before, live=False, made_at=of.now - timedelta(days=3), gate=None, **common),
    )
    decision = m.Decision(
        version=live,
        status="released",
        previous=before,
        reason=BY_GATE,
        by_gate=True,
        decided_at=of.now - timedelta(days=1),
    )
    return m.Adapters(
        model="sentistream-enzh-37m", live=live, rollback_to=before, can_roll_back=True, versions=versions,
        history=(decision,), labelled=(did, base), trouble=None,
    )  # fmt: skip


def reason_counts(of: World) -> tuple[m.ReasonCount, ...]:
    """Of dead letters."""
    if of.empty:
        return ()
    return tuple(m.ReasonCount.model_validate({"reason": reason, "count": 3, "last_at": of.now}) for reason in REASONS)


def dead_letters(of: World) -> m.DeadLetterPage:
    """One of each reason."""
    letters = () if of.empty else tuple(
        m.DeadLetterRow.model_validate({
            "place": f"3:{17 + at}", "reason": reason, "detail": "record: Invalid JSON: expected value",
            "failed_at": of.now - timedelta(minutes=at), "topic": "chat.messages", "partition": 3, "offset": 1042 + at,
            "event_id": None, "bytes": 55, "replayed": bool(at % 2),
        })
        for at, reason in enumerate(REASONS)
    )  # fmt: skip
    return m.DeadLetterPage(letters=letters, counts=reason_counts(of), next_cursor=None)


def health(of: World, *, down: bool = False) -> m.Health:
    """Well, or with a worker that is gone."""
    gone = {"state": "down", "members": 0, "lag_records": 5210, "lag_seconds": 95.0}
    well = {"state": "ok", "members": 1, "lag_records": 2, "lag_seconds": 0.1}
    group = {
        "service": "worker", "group": "sentistream-worker", "topic": "sanm.requests",
        "text": "nobody is at work" if down else "2 records behind, the oldest 0 s old",
        "to_do": "Start `sentistream worker`." if down else None,
        "findings": [finding("nobody" if down else "keeps_up", service="worker", records=5210, seconds=95.0)],
    } | (gone if down else well)  # fmt: skip
    other = group | {"to_do": None, "text": "up to date", "findings": [finding("up_to_date")]} | well
    return m.Health.model_validate({
        "state": "down" if down else "ok",
        "text": "worker: nobody is at work" if down else "All is well.",
        "checked_at": of.now,
        "kafka": "ok",
        "groups": [
            other | {"service": "streams", "group": "sentistream-streams", "topic": "chat.messages"},
            group,
            other | {"service": "store", "group": "sentistream-console", "topic": "emotion.events"},
        ],
        "services": [_worker(down=down), _trainer()],
        "store": {
            "state": "ok", "text": f"{len(of.events)} events", "to_do": None, "events": len(of.events),
            "findings": [finding("stored" if of.events else "nothing_stored", events=len(of.events))],
            "oldest_sent_at": of.events[0].sent_at if of.events else None,
            "newest_sent_at": of.events[-1].sent_at if of.events else None,
        },
        "rates": dict.fromkeys(("last_minute", "last_ten_minutes", "last_hour"), 33.1 if of.events else 0),
        "latency_ms": {"p50": 80.0, "p99": 310.0} if of.events else {},
        "dead_letters": reason_counts(of),
    })  # fmt: skip


def finding(code: str, **facts: str | float) -> dict[str, Any]:
    """What a text says, by its code."""
    return {"code": code, "facts": facts}


def _worker(*, down: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"service": "worker", "variable": "CONSOLE_WORKER_METRICS", "count": 1}
    return {
        "service": "worker", "state": "down" if down else "ok", "text": "it does not answer" if down else "at work",
        "to_do": "Start `sentistream worker`, or correct CONSOLE_WORKER_METRICS." if down else None,
        "findings": [finding("silent" if down else "at_work", **facts)],
        "figures": {} if down else {
            "in_flight": 32, "pending": 60, "waiting": 0, "lag_s": 0.1, "model_p50_s": 0.04, "model_p99_s": 0.21,
            "commit_p50_s": 0.01, "commit_p99_s": 0.03, "rate_per_s": 33.1,
        },
    }  # fmt: skip


def _trainer() -> dict[str, Any]:
    return {
        "service": "trainer", "state": "unknown", "text": "nobody is asked",
        "to_do": "Set CONSOLE_TRAINER_METRICS to the address of its /metrics.", "figures": {},
        "findings": [finding("not_asked", service="trainer", variable="CONSOLE_TRAINER_METRICS", count=0)],
    }  # fmt: skip
