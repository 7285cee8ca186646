"""Counts outcomes once they are committed, so that a repetition after a crash is not counted as work done."""

from collections.abc import Sequence

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


def _observe_event(event: EmotionEvent) -> None:
    metrics.EVENTS.labels(event.status).inc()
    metrics.ROUNDS.observe(len(event.rounds))
    if event.outlier:
        metrics.OUTLIERS.inc()
    elif event.label is not None and event.label != event.first_label:
        metrics.FLIPS.inc()
    usage = event.usage
    metrics.MODEL_CALLS.inc(usage.model_calls)
    metrics.TOKENS.labels("prompt").inc(usage.prompt_tokens)
    metrics.TOKENS.labels("completion").inc(usage.completion_tokens)
    metrics.MODEL_SECONDS.observe(usage.model_seconds)
