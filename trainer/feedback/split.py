"""Which conversations are trained on, which are developed on, and which are held out: for ever the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from trainer.digest import digest
from trainer.feedback.labelled import LabelledMessage

Part = Literal["train", "development", "held_out"]

#: Part of every hash. It and the shares are no settings: another value would move conversations that were held out
#: into the training data of a model that is then judged on what it has seen.
_SALT: Final = "sentistream split 1"
_HELD_OUT: Final = 0.2
_DEVELOPMENT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Split:
    """Labelled messages by what they are for; a conversation's are all in one part."""

    train: tuple[LabelledMessage, ...]
    development: tuple[LabelledMessage, ...]
    held_out: tuple[LabelledMessage, ...]


def part_of(conversation: str) -> Part:
    """The part of a conversation, told from its key alone."""
    place = int.from_bytes(digest(_SALT, conversation)[:8]) / 2**64
    if place < _HELD_OUT:
        return "held_out"
    return "development" if place < _HELD_OUT + _DEVELOPMENT else "train"


def split(labelled: Iterable[LabelledMessage]) -> Split:
    """Seven tenths of the conversations to train on, one to develop on, two held out."""
    parts: dict[Part, list[LabelledMessage]] = {"train": [], "development": [], "held_out": []}
    for one in labelled:
        parts[part_of(one.conversation)].append(one)
    return Split(tuple(parts["train"]), tuple(parts["development"]), tuple(parts["held_out"]))
