"""Label taxonomies: closed sets of emotions, each label with the word that a model answers by and its sentiment."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from schemas.base import Frozen
from schemas.errors import TaxonomyError, UnknownTaxonomyError

Sentiment = Literal["positive", "neutral", "negative"]


class Label(Frozen):
    """One emotion.

    Attributes:
        name: as its corpus or platform writes it, and as events carry it.
        word: what the model answers; one token of the model's vocabulary in direct mode.
        sentiment: of the three; None where it depends on the text (surprise).
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    word: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    sentiment: Sentiment | None = None
    description: str | None = None


class Taxonomy(Frozen):
    """A named closed set of labels."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    title: str
    labels: tuple[Label, ...] = Field(min_length=2, max_length=64)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for what in ("name", "word"):
            seen = [getattr(label, what).lower() for label in self.labels]
            if twice := sorted({value for value in seen if seen.count(value) > 1}):
                msg = f"taxonomy {self.name}: the {what} {twice[0]!r} stands at two labels; each needs its own"
                raise ValueError(msg)
        return self

    def label(self, name: str) -> Label:
        """The label of this name; KeyError where there is none."""
        for label in self.labels:
            if label.name == name:
                return label
        raise KeyError(name)

    def sentiment(self, name: str, scores: dict[str, float]) -> Sentiment:
        """The sentiment of a label, decided by the other labels' scores where the label leaves it open.

        Args:
            name: a label of this taxonomy.
            scores: probability by label name; may be empty.
        """
        own = self.label(name).sentiment
        if own is not None:
            return own
        mass = {"positive": 0.0, "negative": 0.0}
        for label in self.labels:
            if label.sentiment in mass:
                mass[label.sentiment] += scores.get(label.name, 0.0)
        if mass["positive"] == mass["negative"]:
            return "neutral"
        return "positive" if mass["positive"] > mass["negative"] else "negative"


def _parse(source: Traversable | Path) -> Taxonomy:
    try:
        return Taxonomy.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{source}: not a usable taxonomy: {error}"
        raise TaxonomyError(msg) from error


@cache
def built_in() -> dict[str, Taxonomy]:
    """All taxonomies that come with the product, by name."""
    folder = files("schemas") / "taxonomies"
    found = (_parse(entry) for entry in sorted(folder.iterdir(), key=str) if entry.name.endswith(".yaml"))
    return {taxonomy.name: taxonomy for taxonomy in found}


def load_taxonomy(name: str, folder: Path | None = None) -> Taxonomy:
    """A taxonomy by name, from a platform's own folder of YAML files first.

    Raises:
        UnknownTaxonomyError: there is none of this name.
        TaxonomyError: its file cannot be used.
    """
    if folder is not None and (own := folder / f"{name}.yaml").is_file():
        return _parse(own)
    if name in built_in():
        return built_in()[name]
    where = f" or put {name}.yaml into {folder}" if folder else " or set TAXONOMIES to a folder that holds it"
    msg = f"no taxonomy named {name!r}: choose one of {', '.join(sorted(built_in()))}{where}"
    raise UnknownTaxonomyError(msg)
