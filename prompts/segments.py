"""The text of single segments: turns and label lists, the same wherever a prompt is made."""

from collections.abc import Sequence
from typing import Final, Protocol

from prompts.template import Template
from prompts.text import as_data
from schemas.taxonomy import Label

_BETWEEN: Final = {"completion": " , ", "chat": "\n"}


class _Utterance(Protocol):
    @property
    def speaker(self) -> str: ...

    @property
    def text(self) -> str: ...


def turn_segment(template: Template, turn: _Utterance) -> str:
    """One utterance with its speaker. Braces in chat text are only braces: values are put in once."""
    return template.turn.format(speaker=as_shown(template, turn.speaker), text=as_shown(template, turn.text))


def as_shown(template: Template, text: str) -> str:
    """What people or a model wrote, as this kind of prompt may hold it.

    A completion's tokenizer takes no special token out of a text; a chat model's server would.
    """
    return as_data(text) if template.style == "chat" else text


def scene_segment(template: Template, scene: str) -> str:
    """Where and when it happens, as the platform describes it."""
    return template.scene.format(scene=as_shown(template, scene))


def labels_segment(template: Template, labels: Sequence[Label]) -> str:
    """L: the closed set, each label by its word and, for chat models, its description."""
    listed = [
        template.label.format(word=one.word, description=f": {one.description}" if one.description else "")
        for one in labels
    ]
    between = _BETWEEN[template.style] if template.between is None else template.between
    return template.labels.format(labels=between.join(listed))
