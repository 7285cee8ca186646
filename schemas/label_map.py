"""How the labels of one taxonomy are said in another: one YAML file for each pair, in data, not in code."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from schemas.base import Frozen
from schemas.errors import SchemaError, TaxonomyError
from schemas.taxonomy import load_taxonomy


class LabelMap(Frozen):
    """From every label of one taxonomy to a label of another.

    Attributes:
        labels: by name; None where the other taxonomy has nothing like it, so that such a message is left out.
    """

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    labels: dict[str, str | None]

    def __getitem__(self, name: str) -> str | None:
        """The label in the other taxonomy; None for one that has no counterpart, or is unknown."""
        return self.labels.get(name)


def load_label_map(source: str, target: str, folder: Path | None = None) -> LabelMap | None:
    """The map between two taxonomies, from a platform's own folder first; None where there is none.

    Args:
        source: a taxonomy's name.
        target: a taxonomy's name; the same one maps each label to itself.
        folder: with taxonomies and ``SOURCE-to-TARGET.yaml`` files of the platform's own.

    Raises:
        TaxonomyError: the file cannot be used.
        UnknownTaxonomyError: one of the two does not exist.
    """
    if source == target:
        labels = {label.name: label.name for label in load_taxonomy(source, folder).labels}
        return LabelMap.model_validate({"from": source, "to": target, "labels": labels})
    name = f"{source}-to-{target}.yaml"
    if folder is not None and (own := folder / name).is_file():
        return _parse(own, source, target, folder)
    return _built_in(name, source, target)


@cache
def _built_in(name: str, source: str, target: str) -> LabelMap | None:
    path = files("schemas") / "label_maps" / name
    return _parse(path, source, target, None) if path.is_file() else None


def _parse(path: Traversable | Path, source: str, target: str, folder: Path | None) -> LabelMap:
    try:
        found = LabelMap.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path}: not a usable map of labels: {error}") from error
    if (found.source, found.target) != (source, target):
        raise TaxonomyError(f"{path}: it says from {found.source} to {found.target}; its name says otherwise")
    try:
        _check(found, folder)
    except SchemaError as error:
        raise TaxonomyError(f"{path}: {error}") from error
    return found


def _check(found: LabelMap, folder: Path | None) -> None:
    known = {one.name for one in load_taxonomy(found.source, folder).labels}
    if wrong := sorted(known ^ set(found.labels)):
        raise TaxonomyError(f"each label of {found.source} must stand in it once, and no other: see {', '.join(wrong)}")
    targets = {one.name for one in load_taxonomy(found.target, folder).labels}
    if foreign := sorted({one for one in found.labels.values() if one is not None} - targets):
        raise TaxonomyError(f"{', '.join(foreign)}: no labels of {found.target}")
