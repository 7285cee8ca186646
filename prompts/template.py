"""Templates: the words of each role, in each language, as data."""

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from prompts.errors import TemplateError
from schemas.base import Frozen

FALLBACK_LANGUAGE = "en"


class Template(Frozen):
    """The words around the parts. ``{…}`` stands for what is put in.

    A ``completion`` template makes one growing sequence of segments, which the model continues by one label word.
    A ``chat`` template makes a system and a user message, which a chat model answers.

    Attributes:
        turn: one utterance, with ``{speaker}`` and ``{text}``.
        between: stands between two labels; as the style has it where it is not said.
        echo: the message's turn stands twice (completion style). A causal model reads it the second time knowing how it
            ends, as a two-way one does (Springer et al., 2024, "Repetition Improves Language Model Embeddings").
        generator: asks for the first decision.
        discriminator: asks for a judgement of what the generator said.
        again: asks the generator once more, after a disagreement.
        reply: what a chat model is told of the answer's form, by mode and role.
    """

    style: Literal["completion", "chat"]
    turn: str
    history: str = ""
    scene: str
    labels: str
    label: str = "{word}"
    between: str | None = None
    echo: bool = False
    deduction: str
    generator: str
    discriminator: str
    again: str
    message: str = ""
    said: str = ""
    reply: dict[str, str] = Field(default_factory=dict)

    @property
    def copies(self) -> int:
        """How often the message's turn stands in a prompt."""
        return 1 + self.echo


@cache
def load_template(name: str, language: str) -> Template:
    """The template of a family for a language, English where the family has none for it.

    Raises:
        TemplateError: the family is unknown or its file is wrong.
    """
    folder = files("prompts") / "templates"
    for choice in (language, FALLBACK_LANGUAGE):
        path = folder / f"{name}.{choice}.yaml"
        if path.is_file():
            try:
                return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            except (ValidationError, yaml.YAMLError) as error:
                msg = f"{path}: {error}"
                raise TemplateError(msg) from error
    known = sorted({entry.name.split(".")[0] for entry in folder.iterdir() if entry.name.endswith(".yaml")})
    msg = f"no prompt template named {name!r}: choose one of {', '.join(known)}"
    raise TemplateError(msg)
