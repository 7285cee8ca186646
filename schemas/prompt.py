"""The prompt's parts as they travel from the stream to the worker (SentiXRL, section 3.1: I, H, L, E)."""

from typing import Literal

from schemas.base import Frozen
from schemas.chat import Turn
from schemas.taxonomy import Label

#: I instructions, H history window, L labels, E emotional deduction.
Part = Literal["I", "H", "L", "E"]
ALL_PARTS: tuple[Part, ...] = ("I", "H", "L", "E")


class PromptParts(Frozen):
    """All that the prompt of one message is made from but E, which the worker's model infers.

    Attributes:
        template: the name of the template family.
        language: ``en`` or ``zh``: the template's language.
        parts: which of I, H, L, E are switched on.
        history: the turns before the message, oldest first, already cut to turns, session and tokens.
        message: the message to be labelled, its text cut to the token budget.
        labels: the closed set that an answer comes from.
    """

    template: str
    language: str
    parts: tuple[Part, ...] = ALL_PARTS
    history: tuple[Turn, ...] = ()
    message: Turn
    scene: str | None = None
    taxonomy: str
    labels: tuple[Label, ...]
