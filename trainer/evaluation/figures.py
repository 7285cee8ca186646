"""The flat figures of one evaluation: what ``--json`` writes and the report shows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from schemas.taxonomy import Taxonomy
from trainer.calibration import chance_error
from trainer.evaluation.answered import Outcome, summed_by_sentiment
from trainer.evaluation.material import SENTIMENT, Material, taxonomy_of
from trainer.evaluation.scores import Scores, score
from trainer.gate.figures import confusion
from trainer.metrics import OUTLIER, Indices, calibration_error, flips, report

#: What publishers leave out of the F1 of emotions, by taxonomy.
NO_EMOTION: Final = {"emocontext": "others", "dailydialog": "no_emotion"}
SENTIMENTS: Final = ("negative", "neutral", "positive")
_PAIRED: Final = ("accuracy", "macro_f1", "weighted_f1", "micro_f1_emotions", "macro_f1_emotions")
#: A sentiment's micro-F1 is its accuracy, but for outliers.
_OF_SENTIMENTS: Final = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and how.

    Attributes:
        rounds: most of them.
        engine: ``local``, ``openai`` or ``vllm``.
        adapter: its version, or None for the base model.
    """

    model: str
    engine: str
    mode: str
    rounds: int
    adapter: str | None
    temperature: float
    threshold: float


def figures(material: Material, outcome: Outcome, asked: Asked, one_pass: Outcome | None = None) -> dict[str, Any]:
    """Everything about one policy; every key is flat but for labels, intervals, matrix and baselines.

    Args:
        material: what was asked.
        outcome: what was answered.
        asked: by whom.
        one_pass: the same model's first answers, where ``outcome``'s own are drawn by lot.
    """
    final, truth = outcome.final, material.truth
    counted = score(truth, final, material.conversations, material.names, emotions_of(material))
    values, intervals = counted.observed(), counted.intervals()
    first = _first_answers(outcome, one_pass)
    if first is not None:
        before = score(truth, first.first, material.conversations, material.names, emotions_of(material))
        values |= _changes(counted, before)
    by_sentiment = _sentiment_scores(material, outcome)
    for name, one in by_sentiment.items():
        values |= {f"{name}_{key}": value for key, value in one.observed().items() if key in _OF_SENTIMENTS}
        intervals |= {f"{name}_{key}": value for key, value in one.intervals().items() if key in _OF_SENTIMENTS}
    if by_sentiment and first is not None:
        changed = _changes(by_sentiment["sentiment"], _sentiments(material, first.first))
        values |= {f"sentiment_{key}": value for key, value in changed.items()}
    found: dict[str, Any] = {
        "format": material.corpus_format,
        "taxonomy": material.corpus,
        "asked_taxonomy": material.asked,
        "policy": outcome.policy,
        **asdict(asked),
        **values,
        **_trust(outcome, truth, outcome if first is None else first),
        **_cost(outcome, one_pass),
        "messages": len(truth),
        "conversations": len(set(material.conversations)),
        "left_out": material.left_out,
        "labels": material.names,
        "per_label": {name: asdict(one) for name, one in report(truth, final, material.names).per_label.items()},
        "confusion": confusion(truth, final, len(material.names)),
        "intervals": intervals,
    }
    return found


def emotions_of(material: Material) -> list[str]:
    """All labels but the one of no emotion, where the corpus's figure is over those; else none."""
    if material.corpus not in NO_EMOTION:
        return []
    # Asked in another taxonomy, it is called neutral.
    return [name for name in material.names if name not in {NO_EMOTION[material.corpus], "neutral"}]


def _first_answers(outcome: Outcome, one_pass: Outcome | None) -> Outcome | None:
    """Where a vote's first answer is drawn by lot, only another policy knows the likeliest one."""
    return one_pass if outcome.policy == "vote3" else outcome


def _changes(now: Scores, before: Scores) -> dict[str, float]:
    """Against one pass, by the same resamples."""
    found: dict[str, float] = {}
    for name, (observed, low, high) in sorted(now.changes(before).items()):
        if name in _PAIRED:
            found |= {f"{name}_change": observed, f"{name}_change_low": low, f"{name}_change_high": high}
    return found


def _trust(outcome: Outcome, truth: Indices, first: Outcome) -> dict[str, Any]:
    right = outcome.first == truth
    flipped = flips(truth, first.first, outcome.final)
    known = ~np.isnan(outcome.confidence)
    return {
        "ece": calibration_error(outcome.confidence, right) if known.all() else None,
        "ece_by_chance": chance_error(outcome.confidence) if known.all() else None,
        "outliers": int((outcome.final == OUTLIER).sum()),
        "refused": sum(one.refused for one in outcome.answers),
        "right_to_wrong": flipped.right_to_wrong,
        "wrong_to_right": flipped.wrong_to_right,
    }


def _cost(outcome: Outcome, one_pass: Outcome | None) -> dict[str, Any]:
    seconds = sum(one.model_seconds for one in outcome.answers)
    before = sum(one.model_seconds for one in one_pass.answers) if one_pass else 0.0
    calls = sum(one.calls for one in outcome.answers)
    prompt, completion = (
        sum(getattr(one, f"{what}_tokens") for one in outcome.answers) for what in ("prompt", "completion")
    )
    return {
        "model_calls": calls,
        "calls_per_message": calls / max(len(outcome.answers), 1),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "tokens": prompt + completion,
        "model_s": seconds,
        "model_s_ratio": seconds / before if before else None,
        "wall_s": outcome.wall_seconds,
    }


def _sentiment_scores(material: Material, outcome: Outcome) -> dict[str, Scores]:
    """Of the answers' sentiments, and of the likeliest sentiment by summed scores; only where each label has one."""
    taxonomies = [taxonomy_of(one) for one in material.examples]
    if material.asked == SENTIMENT or material.by_sentiment:
        return {}
    if any(label.sentiment is None for taxonomy in taxonomies for label in taxonomy.labels):
        return {}
    found = {"sentiment": _sentiments(material, outcome.final)}
    if all(one.scores for one in outcome.answers):
        likeliest = np.array(
            [_likeliest(one.scores, taxonomy) for one, taxonomy in zip(outcome.answers, taxonomies, strict=True)]
        )
        truth = _sides(material)[material.truth]
        found["sentiment_by_scores"] = score(truth, likeliest, material.conversations, SENTIMENTS)
    return found


def _sentiments(material: Material, said: Indices) -> Scores:
    side = _sides(material)
    return score(side[material.truth], side[said], material.conversations, SENTIMENTS)


def _sides(material: Material) -> Indices:
    """The sentiment of each label, the last entry for OUTLIER."""
    own = own_sentiments(material)
    return np.array([*(SENTIMENTS.index(own[name]) for name in material.names), OUTLIER], dtype=np.int64)


def own_sentiments(material: Material) -> dict[str, str]:
    """By label; empty text for a label that leaves it open."""
    labels = (label for one in material.examples for label in one.question.parts.labels)
    return {label.name: label.sentiment or "" for label in labels}


def sentiments_said(material: Material, said: Sequence[str]) -> dict[str, float]:
    """The flat keys of answers that are sentiments, of a material whose every label has one."""
    truth = _sides(material)[material.truth]
    place = np.array([SENTIMENTS.index(one) for one in said], dtype=np.int64)
    found = score(truth, place, material.conversations, SENTIMENTS).observed()
    return {f"sentiment_{key}": value for key, value in found.items() if key in _OF_SENTIMENTS}


def _likeliest(scores: Any, taxonomy: Taxonomy) -> int:
    summed = summed_by_sentiment(scores, taxonomy)
    return SENTIMENTS.index(max(summed, key=summed.__getitem__))


def compact(found: dict[str, Any]) -> dict[str, Any]:
    """What a baseline's entry holds: scores alone."""
    kept: Sequence[str] = ("accuracy", "macro_f1", "weighted_f1", "micro_f1")
    return {
        key: value
        for key, value in found.items()
        if (key in kept or "f1_emotions" in key or key.startswith("sentiment_")) and "_change" not in key
    }
