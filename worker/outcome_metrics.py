"""Counts outcomes once they are committed, so that a repetition after a crash is not counted as work done."""

from collections.abc import Sequence
from typing import Final

from schemas.event import EmotionEvent
from worker import metrics
from worker.partitions import Entry


def observe(entries: Sequence[Entry]) -> None:
    """Count the entries of one transaction."""
    for entry in entries:
        outcome = entry.outcome
        if outcome is None or outcome.record is None:
            continue
        metrics.PREFIX_SECONDS.observe(entry.waited_s)
        if outcome.event is not None:
            _observe_event(outcome.event)
        elif outcome.reason is not None:
            metrics.DEAD_LETTERS.labels(outcome.reason).inc()


#: By name of the step: their children, looked up once.
_STEPS: Final = {name: metrics.STEP_SECONDS.labels(name) for name in ("stream", "request", "label", "total")}


def _observe_event(event: EmotionEvent) -> None:
    metrics.EVENTS.labels(event.status).inc()
    metrics.ROUNDS.observe(len(event.rounds))
    if event.outlier:
        metrics.OUTLIERS.inc()
    elif event.label is not None and event.label != event.first_label:
        metrics.FLIPS.inc()
    if event.label is not None:
        metrics.LABELS.labels(event.label).inc()
    _observe_times(event)
    usage = event.usage
    metrics.MODEL_CALLS.inc(usage.model_calls)
    metrics.TOKENS.labels("prompt").inc(usage.prompt_tokens)
    metrics.TOKENS.labels("completion").inc(usage.completion_tokens)
    metrics.MODEL_SECONDS.observe(usage.model_seconds)


def _observe_times(event: EmotionEvent) -> None:
    times = event.times
    for step, began, ended in (
        ("stream", times.received_at, times.requested_at),
        ("request", times.requested_at, times.taken_at),
        ("label", times.taken_at, times.decided_at),
        ("total", times.sent_at, times.decided_at),
    ):
        # Clocks of several machines; and a replayed message was sent long ago.
        if step != "total" or not event.replay:
            _STEPS[step].observe(max((ended - began).total_seconds(), 0.0))
