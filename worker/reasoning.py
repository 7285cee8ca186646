"""What a model wrote in ``reasoned`` mode, read with good will and without trust."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.event import Deduction
from schemas.taxonomy import Label

_MAX_CHARACTERS: Final = 1_000
_EDGES: Final = " \t\r\n\"'`*.,:;!。，：；！"


@dataclass(frozen=True, slots=True)
class Reasoned:
    """One reasoned answer.

    Attributes:
        label: None where none of the set was named: no decision.
    """

    label: str | None
    reason: str | None = None
    deduction: Deduction | None = None


def read_answer(text: str, labels: Sequence[Label]) -> Reasoned:
    """Find the answer's JSON object, with or without a code fence or words around it; else a bare label."""
    found = _object(text)
    if found is None:
        return Reasoned(match_label(text, labels))
    deduction = None
    if all(_words(found.get(name)) for name in ("scenario", "people", "relationships")):
        deduction = Deduction(**{name: _words(found[name]) for name in ("scenario", "people", "relationships")})
    return Reasoned(match_label(_words(found.get("label")), labels), _words(found.get("reason")) or None, deduction)


def match_label(answer: str, labels: Sequence[Label]) -> str | None:
    """The label that an answer names, by name or word, in any case; None where it is outside the set."""
    bare = answer.strip(_EDGES).casefold()
    for label in labels:
        if bare in (label.name.casefold(), label.word.casefold()):
            return label.name
    return None


def _object(text: str) -> dict[str, Any] | None:
    """The first object that has a label; else the first of all."""
    decoder = json.JSONDecoder()
    first: dict[str, Any] | None = None
    found: dict[str, Any]  # what starts with a brace is an object
    start = text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except ValueError:
            end = start + 1
        except RecursionError:  # a model can be talked into anything
            break
        else:
            if "label" in found:
                return found
            first = first or found
        start = text.find("{", end)
    return first


def _words(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    return value.strip()[:_MAX_CHARACTERS] if isinstance(value, str) else ""
