"""How the bilingual model is made: one YAML file that names the corpora and every number."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from schemas.base import Frozen
from trainer.errors import MisconfiguredError

#: What a development set is judged by; the first two and accuracy are over all labels.
FigureName = Literal["weighted_f1", "macro_f1", "accuracy", "macro_f1_emotions", "micro_f1_emotions"]


class CorpusUse(Frozen):
    """One file, and what it is used for.

    A conversation is held out for development by ``held_out`` or, at random but by its id, by ``held_out_share``.
    Neither: all of it trains. ``held_out: "."``: all of it is held out.
    """

    format: str
    file: str
    share: float = Field(
        default=1.0, gt=0, description="Of its conversations, drawn anew for each epoch; 2: each of them twice."
    )
    weight: float = Field(default=1.0, gt=0, description="Of its labels in the loss.")
    taxonomy: str | None = Field(default=None, description="Labels to say its own in, by the label map to them.")
    shares: Literal["asked", "own"] = Field(
        default="asked",
        description="asked: its taxonomy is asked with label shares like these; own: they are this file's own, and the "
        "loss allows for them. Own where it is said in another taxonomy's labels.",
    )
    shares_by: str | None = Field(
        default=None,
        description="Parts of it have shares of their own; a part is what this finds in a conversation's id.",
    )
    held_out: str | None = Field(default=None, description="Conversations whose id this pattern finds.")
    held_out_share: float = Field(default=0.0, ge=0, lt=1)

    @property
    def asked_alike(self) -> bool:
        """Whether its label shares are those that its taxonomy is asked with."""
        return self.taxonomy is None and self.shares == "asked"

    @field_validator("held_out", "shares_by")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        re.compile(value or "")
        return value


class BilingualRecipe(Frozen):
    """All that decides what comes out, but for the corpora's content."""

    name: str = Field(description="The model's name in its profile.")
    template: str = Field(description="Family of prompt templates.")
    layers: tuple[int, ...] = Field(min_length=1, description="Layers of the encoder that are kept, counted from 0.")
    han_words: int = Field(ge=0, description="Most Chinese words of two or more characters that are tokens.")
    history_turns: int = Field(ge=0, description="Turns of history that the profile asks for.")
    token_budget: int = Field(ge=16, description="Most tokens of a first prompt, as the profile has it.")

    length: int = Field(ge=32, le=512, description="Tokens of a row, and the most of a tree.")
    carried: int = Field(ge=0, description="Turns that a conversation's next tree begins with.")
    rows: int = Field(ge=1, description="Rows of a step.")
    negotiated: float = Field(ge=0, le=1, description="Share of the labels that are taught with whole negotiations.")
    later_decisions: float = Field(ge=0, description="Weight of decisions after the first in the loss.")
    prior: dict[str, float] = Field(
        description="By taxonomy: 1 teaches answers as if all labels were asked alike, 0 as the taxonomy's own corpora "
        "have them, what lies between by powers of their shares; below 0, where common labels are commoner still among "
        "what will be asked. 0 if it is not named."
    )

    epochs: int = Field(ge=1)
    plain_epochs: int = Field(
        default=0, ge=0, description="First epochs in which no message stands twice: they cost half as much."
    )
    learning_rate: float = Field(gt=0, description="At the end of the warm-up; falls to 0 in a straight line.")
    warm_up: float = Field(ge=0, lt=1, description="Share of the steps in which the rate rises.")
    weight_decay: float = Field(ge=0, description="AdamW's.")
    averaging: float = Field(ge=0, lt=1, description="Decay of the weights' running average, which is what ships.")
    mixed: dict[int, float] = Field(
        default_factory=dict,
        description="By an earlier epoch, from 1: share of its averages in what ships; the last one's have the rest.",
    )
    seed: int = Field(ge=0)

    corpora: tuple[CorpusUse, ...] = Field(min_length=1)
    figures: dict[str, FigureName] = Field(description="By corpus format: what its development set is judged by.")

    @model_validator(mode="after")
    def _mixable(self) -> Self:
        if not all(0 < one < self.epochs for one in self.mixed) or min(self.mixed.values(), default=1.0) <= 0:
            raise ValueError("mixed: name epochs before the last, from 1, and shares above 0")
        if sum(self.mixed.values()) >= 1:
            raise ValueError("mixed: the shares of earlier epochs leave nothing to the last one")
        return self

    @classmethod
    def load(cls, name: str) -> Self:
        """A recipe that ships, by its name, or a path that ends with .yaml.

        Raises:
            MisconfiguredError: it is not there, or wrong; the text names the fields.
        """
        path = Path(name) if name.endswith((".yaml", ".yml")) else _folder() / f"{name}.yaml"
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            known = ", ".join(sorted(one.stem for one in _folder().glob("*.yaml")))
            raise MisconfiguredError(f"there is no recipe {name!r}: choose of {known}, or name a .yaml file") from None
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise MisconfiguredError(f"recipe {name!r} cannot be used: {error}") from error


def _folder() -> Path:
    return Path(str(files("trainer"))) / "bilingual" / "recipes"
