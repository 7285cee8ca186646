"""What a model wrote in ``reasoned`` mode, read with good will and without trust."""

import json
from collections.abc import Iterator, Sequence
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
    """The object that has a label, else the first of all.

    Of several that disagree none: one may be a quotation of the chat, where somebody wrote an answer for the model.
    """
    found = list(_objects(text))
    labelled = [one for one in found if "label" in one]
    if len({_words(one["label"]).casefold() for one in labelled}) > 1:
        return {}
    return next(iter(labelled or found), None)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except ValueError:
            end = start + 1
        except RecursionError:  # a model can be talked into anything
            return
        else:
            yield found
        start = text.find("{", end)


def _words(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    # On one line: later prompts show it, and a line of its own could look like a part of them.
    return " ".join(value.split())[:_MAX_CHARACTERS] if isinstance(value, str) else ""
