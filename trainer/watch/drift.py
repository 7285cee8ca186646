"""Has the traffic, or what the model makes of it, left its past range?

Windows of time are compared with those before them. A window's measure is out of range where it is further than k
standard deviations from the mean of the past windows; the deviation is at least what counting so few events brings by
itself, so that quiet nights are no alarm. An alarm begins with the second window in a row that is out
(`Rule.patience`). Windows that are out do not become part of the range; when they have gone on for as long as a range
needs, they are the new one.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Measure = Literal["label_distance", "outlier_share", "corrected_share"]
#: Every measure, each name once.
MEASURES: Final[tuple[Measure, ...]] = ("label_distance", "outlier_share", "corrected_share")


@dataclass(frozen=True, slots=True)
class Rule:
    """When a measure is out of its range.

    Attributes:
        sigmas: k.
        least: past windows that a range needs.
        most: past windows that it looks at.
        patience: windows in a row that must be out.
    """

    sigmas: float = 4.0
    least: int = 12
    most: int = 168
    patience: int = 2


@dataclass(slots=True)
class Window:
    """Counts of one span of time.

    Attributes:
        labels: events by label.
        outliers: events without consensus.
        verdicts: labels that people gave to events with a label.
        corrections: those of them that differ from the model's.
        adapters: events by adapter's version; "base" for none.
        until: when it ended, seconds since 1970.
    """

    labels: Counter[str] = field(default_factory=Counter)
    outliers: int = 0
    verdicts: int = 0
    corrections: int = 0
    adapters: Counter[str] = field(default_factory=Counter)
    until: float = 0.0

    @property
    def events(self) -> int:
        """Those that a label was sought for."""
        return self.labels.total() + self.outliers

    def __add__(self, other: "Window") -> "Window":
        """Both as one."""
        return Window(
            self.labels + other.labels,
            self.outliers + other.outliers,
            self.verdicts + other.verdicts,
            self.corrections + other.corrections,
            self.adapters + other.adapters,
            max(self.until, other.until),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One measure of one window.

    Attributes:
        until: when the window ended.
        low: the range's lower end; with `high` None while there are too few past windows.
        alarm: out of range for long enough.
        begins: the alarm is new with this window.
    """

    until: float
    value: float
    low: float | None
    high: float | None
    alarm: bool
    begins: bool


def label_distance(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Jensen-Shannon distance of two mixes (Lin, 1991): root of the divergence in bits; 1: nothing in common."""
    n, m = sum(one.values()), sum(other.values())
    if not n or not m:
        return 0.0
    divergence = 0.0
    for label in {*one, *other}:
        p, q = one.get(label, 0) / n, other.get(label, 0) / m
        middle = (p + q) / 2
        divergence += sum(share / 2 * math.log2(share / middle) for share in (p, q) if share)
    return math.sqrt(max(divergence, 0.0))


def merged(windows: Sequence[Window], least: int, measure: Measure) -> list[Window]:
    """Neighbours joined until each holds so many events (verdicts for the corrected share); the last may hold fewer.

    It is left out then: it is not complete.
    """
    found: list[Window] = []
    gathered = Window()
    for window in windows:
        gathered = gathered + window
        if _size(gathered, measure) >= least:
            found.append(gathered)
            gathered = Window()
    return found


def readings(windows: Sequence[Window], measure: Measure, rule: Rule) -> list[Reading]:
    """A measure of each window against those before it, the oldest first."""
    past: list[Window] = []
    distances: list[float] = []
    out: list[Window] = []
    found: list[Reading] = []
    for window in windows:
        value = _value(window, past, measure)
        values = distances if measure == "label_distance" else [_value(one, past, measure) for one in past]
        low, high = _range(values, window, past, measure, rule) if len(values) >= rule.least else (None, None)
        is_out = high is not None and low is not None and not low <= value <= high
        if is_out:
            out.append(window)
        else:
            # A window alone that was out was chance, and belongs to the past.
            for one in (*(out if len(out) < rule.patience else ()), window):
                if past:
                    distances.append(_value(one, past, measure))
                past.append(one)
            out = []
        found.append(Reading(window.until, value, low, high, len(out) >= rule.patience, len(out) == rule.patience))
        if len(out) >= max(rule.least, rule.patience) + 1:
            past, distances = out, [_value(one, out, measure) for one in out]
            out = []
        past, distances = past[-rule.most :], distances[-rule.most :]
    return found


def _size(window: Window, measure: Measure) -> int:
    return window.verdicts if measure == "corrected_share" else window.events


def _value(window: Window, past: Sequence[Window], measure: Measure) -> float:
    if measure == "label_distance":
        return label_distance(window.labels, _mix(past))
    count = window.outliers if measure == "outlier_share" else window.corrections
    return count / max(_size(window, measure), 1)


def _mix(past: Sequence[Window]) -> Counter[str]:
    total: Counter[str] = Counter()
    for window in past:
        total.update(window.labels)
    return total


def _range(
    values: Sequence[float], window: Window, past: Sequence[Window], measure: Measure, rule: Rule
) -> tuple[float, float]:
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((one - mean) ** 2 for one in values) / max(len(values) - 1, 1))
    size = max(_size(window, measure), 1)
    if measure == "label_distance":
        # Of n events alone, 8 ln 2 n JS is distributed as chi-squared with one degree of freedom less than labels.
        freedom = max(len(_mix(past)) - 1, 1)
        chance = math.sqrt((freedom + rule.sigmas * math.sqrt(2 * freedom)) / (8 * math.log(2) * size))
        return 0.0, max(mean + rule.sigmas * deviation, chance)
    # One more of each kind, so that a share that was always 0 has a deviation too.
    total = sum(_size(one, measure) for one in past)
    share = (mean * total + 1) / (total + 2)
    reach = rule.sigmas * max(deviation, math.sqrt(share * (1 - share) / size))
    return max(mean - reach, 0.0), min(mean + reach, 1.0)
