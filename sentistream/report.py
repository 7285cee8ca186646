"""What a run came to: fates, rate, latency, rounds and, where people have labelled, how often the labels agree."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from sentistream.fates import Fate, Ledger
from sentistream.script import Line
from trainer.metrics import OUTLIER, flips, report

_DECIMALS: Final = 4


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Latency(_Part):
    """Milliseconds from handing a message to the producer to reading its event or dead letter."""

    p50: float
    p99: float


class LabelAgreement(_Part):
    """One label's."""

    precision: float
    recall: float
    f1: float
    support: int


class RunReport(_Part):
    """One run.

    Attributes:
        messages: records published, those included that are no messages.
        events: records with an event.
        dead_letters: records with a dead letter.
        missing: records with neither.
        duplicates: events and dead letters per record past the first.
        wall_s: from the first record to the last fate.
        outliers: events without consensus.
        model_calls: over all events.
        mean_rounds: over the events that the model was asked for.
        accuracy: this and all below only where the file has labels of the taxonomy that the run used; an event
            without a label counts as wrong.
        right_to_wrong: first answers that were right and that the negotiation made wrong.
    """

    messages: int
    events: int
    dead_letters: int
    missing: int
    duplicates: int
    wall_s: float
    messages_per_s: float
    latency_ms: Latency | None
    outliers: int
    model_calls: int
    mean_rounds: float | None
    accuracy: float | None = None
    macro_f1: float | None = None
    weighted_f1: float | None = None
    right_to_wrong: int | None = None
    wrong_to_right: int | None = None
    per_label: dict[str, LabelAgreement] | None = None

    def to_json(self) -> dict[str, object]:
        """As the report file has it: no agreement where there is nothing to agree with."""
        found = self.model_dump(mode="json")
        scored = ("accuracy", "macro_f1", "weighted_f1", "right_to_wrong", "wrong_to_right", "per_label")
        return {name: value for name, value in found.items() if value is not None or name not in scored}


def run_report(ledger: Ledger, lines: Sequence[Line], wall_s: float, labels: Sequence[str] = ()) -> RunReport:
    """Sum up a run.

    Args:
        ledger: the fate of each line, in the same order.
        lines: what was published.
        wall_s: how long it took.
        labels: the names of the taxonomy that the lines' labels and the events' have in common; empty where they
            have none, and then nothing is said about agreement.
    """
    events = [fate.event for fate in ledger.fates if fate.event is not None]
    asked = [event for event in events if event.rounds]
    agreement = _agreement(ledger.fates, lines, labels)
    return RunReport(
        messages=len(ledger.fates),
        events=len(events),
        dead_letters=sum(fate.letter is not None for fate in ledger.fates),
        missing=ledger.missing,
        duplicates=ledger.duplicates,
        wall_s=round(wall_s, _DECIMALS),
        messages_per_s=round(len(ledger.fates) / wall_s, _DECIMALS) if wall_s else 0.0,
        latency_ms=_latency(ledger.fates),
        outliers=sum(event.outlier for event in events),
        model_calls=sum(event.usage.model_calls for event in events),
        mean_rounds=_mean([len(event.rounds) for event in asked]),
        **agreement,
    )


def _latency(fates: Sequence[Fate]) -> Latency | None:
    found = [fate.latency_s for fate in fates if fate.latency_s is not None]
    if not found:
        return None
    p50, p99 = np.percentile(np.asarray(found) * 1000, [50, 99])
    return Latency(p50=round(float(p50), 1), p99=round(float(p99), 1))


def _mean(values: Sequence[int]) -> float | None:
    return round(sum(values) / len(values), _DECIMALS) if values else None


def _agreement(fates: Sequence[Fate], lines: Sequence[Line], labels: Sequence[str]) -> dict[str, object]:
    index = {name: number for number, name in enumerate(labels)}
    pairs = [
        (index[line.label], fate.event)
        for line, fate in zip(lines, fates, strict=True)
        if line.label in index and fate.event is not None
    ]
    if not pairs:
        return {}
    truth = np.array([one for one, _ in pairs], dtype=np.int64)
    final = np.array([index.get(event.label or "", OUTLIER) for _, event in pairs], dtype=np.int64)
    first = np.array([index.get(event.first_label or "", OUTLIER) for _, event in pairs], dtype=np.int64)
    score = report(truth, final, labels)
    flipped = flips(truth, first, final)
    return {
        "accuracy": round(score.accuracy, _DECIMALS),
        "macro_f1": round(score.macro_f1, _DECIMALS),
        "weighted_f1": round(score.weighted_f1, _DECIMALS),
        "right_to_wrong": flipped.right_to_wrong,
        "wrong_to_right": flipped.wrong_to_right,
        "per_label": {
            name: LabelAgreement(
                precision=round(one.precision, _DECIMALS),
                recall=round(one.recall, _DECIMALS),
                f1=round(one.f1, _DECIMALS),
                support=one.support,
            )
            for name, one in score.per_label.items()
        },
    }
