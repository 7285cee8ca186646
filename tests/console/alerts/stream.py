"""Recorded events for rules, in words: `ann anger 0.9`, one a line."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from schemas.event import EmotionEvent
from tests.console.store.making import START, make_event


def events_of(
    lines: Iterable[str], *, first: int = 0, every_s: float = 20.0, start: datetime = START, **fields: Any
) -> list[EmotionEvent]:
    """One event for each line: speaker, label (`-` for an outlier), confidence."""
    made = []
    for offset, line in enumerate(lines, first):
        speaker, label, confidence = line.split()
        given: dict[str, Any] = {"speaker": speaker, "label": None if label == "-" else label}
        if label != "-":
            given["confidence"] = float(confidence)
        sent_at = start + timedelta(seconds=every_s * offset)
        made.append(make_event(offset, sent_at=sent_at, **(given | fields)))
    return made
