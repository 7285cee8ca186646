"""A fate in a few words, for tables and lines."""

from dataclasses import dataclass
from typing import Final

from schemas.event import EmotionEvent
from sentistream.fates import Fate

#: Colours of the sentiments on a terminal.
COLOURS: Final = {"positive": "green", "negative": "red", "neutral": "cyan"}
_QUIET: Final = "yellow"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person reads of a fate.

    Attributes:
        label: the emotion, or why there is none.
        colour: of the sentiment.
        confidence: with two decimals, or empty.
        rounds: of the negotiation, or empty.
    """

    label: str
    colour: str
    confidence: str = ""
    rounds: str = ""


def in_words(fate: Fate) -> Wording:
    """What became of a record."""
    if fate.event is not None:
        return _event_in_words(fate.event)
    if fate.letter is not None:
        return Wording(f"dead letter: {fate.letter.reason}", _QUIET)
    return Wording("missing", _QUIET)


def _event_in_words(event: EmotionEvent) -> Wording:
    rounds = str(len(event.rounds)) if event.rounds else ""
    if event.status == "unsupported":
        return Wording("not supported by this model", _QUIET)
    if event.label is None:
        return Wording(f"outlier: {' or '.join(event.candidates[:2])}", _QUIET, rounds=rounds)
    confidence = "" if event.confidence is None else f"{event.confidence:.2f}"
    return Wording(event.label, COLOURS.get(event.sentiment or "", "white"), confidence, rounds)
