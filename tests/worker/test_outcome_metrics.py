"""What was committed is counted: labels, steps, and nothing twice."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import Metric

from schemas.event import EmotionEvent, Times
from tests.worker.kafka_rig import make_request
from worker import metrics
from worker.outcome_metrics import observe
from worker.partitions import Assignment, Entry
from worker.records import Outcome, Record
from worker.watermark import Watermark

SENT = datetime(2026, 3, 1, tzinfo=UTC)


def entry(*, replay: bool = False) -> Entry:
    request = make_request(0, 0)
    after = [SENT + timedelta(seconds=seconds) for seconds in (0, 1, 3, 6, 10)]
    event = EmotionEvent(
        event_id="e",
        message_id="m",
        conversation_id="c",
        tenant="t",
        speaker="ann",
        language="en",
        status="labelled",
        label="a-label-of-this-test",
        first_label="another",
        taxonomy="meld",
        mode="direct",
        policy="paper",
        model="model",
        prompt_hash="h",
        replay=replay,
        source=request.source,
        times=Times(
            sent_at=after[0], received_at=after[1], requested_at=after[2], taken_at=after[3], decided_at=after[4]
        ),
    )
    made = Entry(Assignment(0, Watermark(None, -1), None), 0, Watermark(None, -1))
    made.finish(Outcome("event", Record("events", 0, None, b"", []), event))
    return made


def value(metric: Metric, suffix: str, **labels: str) -> float:
    found = [one.value for one in metric.samples if one.name.endswith(suffix) and one.labels == labels]
    return sum(found)


def sums() -> dict[str, float]:
    (metric,) = metrics.STEP_SECONDS.collect()
    return {step: value(metric, "_sum", step=step) for step in ("stream", "request", "label", "total")}


def test_each_step_takes_its_own_time_and_the_label_is_counted() -> None:
    before = sums()
    observe([entry()])
    # To a rounding: other tests of this process have been counted before.
    took = {step: now - before[step] for step, now in sums().items()}
    assert took == pytest.approx({"stream": 2.0, "request": 3.0, "label": 4.0, "total": 10.0})
    (labels,) = metrics.LABELS.collect()
    assert value(labels, "_total", label="a-label-of-this-test") == 1


def test_a_replayed_message_was_sent_too_long_ago_to_count() -> None:
    before = sums()["total"]
    observe([entry(replay=True)])
    assert sums()["total"] == before
