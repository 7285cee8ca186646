"""How far a candidate goes from the beginning of its training to its end: as far as development messages allow.

The end knows most of what is new and has forgotten most of what was known; how much of either differs from refresh to
refresh. The gate's held-out messages and its guards take no part: they judge what comes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from schemas.interpolation import ShareChoice, ShareFigures
from trainer.calibration import chance_error, crossed_confidence
from trainer.digest import digest
from trainer.examples import Example
from trainer.gate.sets import LabelSet, targets
from trainer.metrics import bins_for, calibration_error, report, weighted_f1
from trainer.predict import label_logits
from trainer.sanm import decisions

log = structlog.get_logger()

#: The choice's own: its halves have nothing to do with who is held out.
_SALT: Final = "sentistream shares 1"
#: Below so many messages of the platform, figures are luck.
_FEWEST: Final = 30
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """Development messages, of conversations that are neither trained on nor held out.

    Attributes:
        platform: what is to get better.
        guards: by name, what is to stay: a part of each corpus.
    """

    platform: Sequence[Example]
    guards: Mapping[str, Sequence[Example]] = field(default_factory=dict)

    def all(self) -> list[Example]:
        """The platform's first."""
        return [*self.platform, *(one for guard in self.guards.values() for one in guard)]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a share must keep.

    Attributes:
        guard_loss: weighted F1 that it may lose on each guard against what is live.
        calibration_error: that it must stay under, beyond what chance gives, however the gate reads its own limit: on
            so few messages chance alone is above the gate's, and no share would ever be kept.
    """

    guard_loss: float
    calibration_error: float


def choose_share(
    shares: Sequence[float], sticks: Yardsticks, limits: Limits, model_at: Callable[[float | None], Any]
) -> ShareChoice:
    """Measure each share and choose.

    Args:
        shares: of the way, rising; 1 is training's end.
        sticks: what they are measured on.
        limits: what they must keep.
        model_at: puts a share's weights into the model; None asks for what is live.
    """
    messages = len(sticks.platform)
    live: ShareFigures | None = None
    tried: tuple[ShareFigures, ...] = ()
    if messages < _FEWEST:
        share = shares[0]
        reason = f"the smallest: {messages} development messages of the platform are too few to choose by"
    else:
        live = figures(0.0, model_at(None), sticks)
        tried = tuple(figures(share, model_at(share), sticks) for share in shares)
        share, reason = best_of(live, tried, limits)
    choice = ShareChoice(
        share=share,
        reason=reason,
        messages=messages,
        guard_messages={name: len(found) for name, found in sticks.guards.items()},
        live=live,
        tried=tried,
    )
    log.info("share_chosen", **choice.model_dump())
    return choice


def best_of(live: ShareFigures, tried: Sequence[ShareFigures], limits: Limits) -> tuple[float, str]:
    """The share that is best on the platform among those that keep the limits, and why in words."""
    kept = [one for one in tried if _keeps(live, one, limits)]
    if not kept:
        smallest = min(one.share for one in tried)
        return smallest, f"the smallest: none of {len(tried)} keeps to the limits"
    best = max(kept, key=lambda one: (one.macro_f1, -one.share))
    return best.share, f"best macro-F1 on the platform among {len(kept)} of {len(tried)} that keep to the limits"


def figures(share: float, model: Any, sticks: Yardsticks) -> ShareFigures:
    """A model's first answers, measured."""
    logits = label_logits(model, sticks.platform)
    labels = LabelSet(sticks.platform)
    own, first = targets(sticks.platform), decisions(logits)
    found = report(labels.of(own), labels.of(first), labels.names)
    confidence = crossed_confidence(logits, own, [_half(one) for one in sticks.platform])
    bins = bins_for(len(own))
    return ShareFigures(
        share=share,
        macro_f1=found.macro_f1,
        weighted_f1=found.weighted_f1,
        calibration_error=calibration_error(confidence, first == own, bins),
        calibration_by_chance=chance_error(confidence, bins),
        guards={name: _weighted_f1(model, guard) for name, guard in sticks.guards.items() if guard},
    )


def _keeps(live: ShareFigures, one: ShareFigures, limits: Limits) -> bool:
    lost = max((before - one.guards[name] for name, before in live.guards.items()), default=0.0)
    unsure = one.calibration_error - one.calibration_by_chance
    return lost <= limits.guard_loss + _ROUNDING and unsure < limits.calibration_error


def _weighted_f1(model: Any, examples: Sequence[Example]) -> float:
    labels = LabelSet(examples)
    first = decisions(label_logits(model, examples))
    return weighted_f1(labels.of(targets(examples)), labels.of(first), len(labels.names))


def _half(example: Example) -> int:
    return digest(_SALT, example.conversation)[0] % 2
