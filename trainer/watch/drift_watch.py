"""Counts live events by windows of time, tells the gauges, warns, and asks for a refresh."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from schemas.event import EmotionEvent
from trainer.watch import metrics
from trainer.watch.drift import MEASURES, Measure, Reading, Rule, Window, merged, readings
from trainer.watch.settings import WatchSettings
from trainer.watch.verdicts import Verdict

log = structlog.get_logger()

#: Windows that are kept; older ones go.
_KEPT: Final = 1000


class DriftWatch:
    """Windows are told by Kafka's time stamps alone, so that reading the topics again gives the same ones.

    Args:
        settings: of windows and ranges.
        refresh: starts a refresh, for a reason.
    """

    def __init__(self, settings: WatchSettings, refresh: Callable[[str], None]) -> None:
        self._settings = settings
        self._refresh = refresh
        self._rule = Rule(sigmas=settings.drift_sigmas, least=settings.drift_past_windows)
        self._buckets: dict[int, Window] = {}
        self._evaluated: dict[Measure, float] = {}
        self._refreshed: float | None = None

    @property
    def windows(self) -> int:
        """How many there are, the unfinished one included."""
        return len(self._buckets)

    def add_event(self, event: EmotionEvent, at: float) -> None:
        """Count one event; one in a language that the model does not know is no sign of anything."""
        if event.status == "unsupported":
            return
        window = self._window(at)
        if event.label is None:
            window.outliers += 1
        else:
            window.labels[event.label] += 1
        window.adapters[event.adapter or "base"] += 1

    def add_verdict(self, verdict: Verdict) -> None:
        """Count what a person said, in the window in which it was said."""
        window = self._window(verdict.at)
        window.verdicts += 1
        window.corrections += verdict.corrected

    def caught_up(self) -> None:
        """What was read until now is the past: its alarms are shown, and start nothing."""
        self._look(past=True)

    def look(self) -> None:
        """Judge the finished windows: gauges, and a warning and perhaps a refresh where an alarm begins."""
        self._look(past=False)

    def _look(self, *, past: bool) -> None:
        finished = self._finished()
        for measure in MEASURES:
            least = (
                self._settings.drift_least_labels if measure == "corrected_share" else self._settings.drift_least_events
            )
            found = readings(merged(finished, least, measure), measure, self._rule)
            if not found or found[-1].until <= self._evaluated.get(measure, 0.0):
                continue
            fresh = [one for one in found if one.until > self._evaluated.get(measure, 0.0)]
            self._evaluated[measure] = found[-1].until
            _show(measure, found[-1])
            if not past and (begun := [one for one in fresh if one.begins]):
                self._alarm(measure, begun[-1], finished[-1])

    def _finished(self) -> list[Window]:
        """All windows but the latest, which is still being filled."""
        numbers = sorted(self._buckets)
        for old in numbers[:-_KEPT]:
            del self._buckets[old]
        return [self._buckets[number] for number in numbers[-_KEPT:-1]]

    def _window(self, at: float) -> Window:
        number = int(at // self._settings.drift_window_s)
        until = (number + 1) * self._settings.drift_window_s
        return self._buckets.setdefault(number, Window(until=until))

    def _alarm(self, measure: Measure, reading: Reading, window: Window) -> None:
        facts = {
            "measure": measure,
            "value": round(reading.value, 4),
            "low": round(reading.low or 0.0, 4),
            "high": round(reading.high or 0.0, 4),
        }
        log.warning("drift", **facts, adapters=dict(window.adapters))
        if not self._settings.drift_refresh:
            return
        now = time.monotonic()
        if self._refreshed is not None and now - self._refreshed < self._settings.drift_refresh_hours * 3600:
            log.info("drift_refresh_not_yet", measure=measure)
            return
        self._refreshed = now
        self._refresh(f"drift: {measure} is {facts['value']}, its past range {facts['low']} to {facts['high']}")


def _show(measure: Measure, reading: Reading) -> None:
    metrics.DRIFT.labels(measure).set(reading.value)
    metrics.DRIFT_ALARM.labels(measure).set(reading.alarm)
    if reading.low is not None and reading.high is not None:
        metrics.DRIFT_LOW.labels(measure).set(reading.low)
        metrics.DRIFT_HIGH.labels(measure).set(reading.high)
