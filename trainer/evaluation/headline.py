"""Which figures a corpus is compared by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Figure:
    """A key of ``--json``, and its words."""

    key: str
    shown: str


WEIGHTED: Final = Figure("weighted_f1", "weighted F1")
MACRO: Final = Figure("macro_f1", "macro-F1")
ACCURACY: Final = Figure("accuracy", "accuracy")
#: By format and, for our own JSON Lines, by the file's taxonomy; where neither stands here, it is weighted F1.
FIGURES: Final[dict[str, tuple[Figure, ...]]] = {
    "chsims": (WEIGHTED,),
    "cped": (MACRO, Figure("sentiment_macro_f1", "macro-F1 of the three sentiments")),
    "dailydialog": (Figure("macro_f1_emotions", "macro-F1 of the six emotions"),),
    "emocontext": (Figure("micro_f1_emotions", "micro-F1 of happy, sad, angry"),),
    "goemotions": (MACRO,),
    "goemotions-ekman": (MACRO,),
    "sentiment": (ACCURACY,),
    "smp2020": (MACRO,),
}


def headlines(found: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What an evaluation's corpus is compared by, the first the foremost.

    Args:
        found: its flat figures.
    """
    named = FIGURES.get(found["format"]) or FIGURES.get(found["taxonomy"], ())
    return tuple(one for one in named if one.key in found) or (WEIGHTED,)


def change(found: Mapping[str, Any], figure: Figure) -> str:
    """A figure's change against one pass in points with its interval; empty where one pass was not asked."""
    if f"{figure.key}_change" not in found:
        return ""
    observed, low, high = (100 * found[f"{figure.key}_change{one}"] for one in ("", "_low", "_high"))
    return f"{observed:+.2f} [{low:+.2f}, {high:+.2f}]"
