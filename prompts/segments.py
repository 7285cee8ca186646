"""The text of single segments: turns and label lists, the same wherever a prompt is made."""

from collections.abc import Sequence
from typing import Final, Protocol

from prompts.template import Template
from schemas.taxonomy import Label

_BETWEEN_WORDS: Final = " , "


class _Utterance(Protocol):
    @property
    def speaker(self) -> str: ...

    @property
    def text(self) -> str: ...


def turn_segment(template: Template, turn: _Utterance) -> str:
    """One utterance with its speaker. Braces in chat text are only braces: values are put in once."""
    return template.turn.format(speaker=turn.speaker, text=turn.text)


def labels_segment(template: Template, labels: Sequence[Label]) -> str:
    """L: the closed set, each label by its word and, for chat models, its description."""
    listed = [
        template.label.format(word=one.word, description=f": {one.description}" if one.description else "")
        for one in labels
    ]
    between = _BETWEEN_WORDS if template.style == "completion" else "\n"
    return template.labels.format(labels=between.join(listed))
