"""Labels as votes for one of the labels that the event chose from."""

from pathlib import Path

from schemas.errors import SchemaError
from schemas.label_map import LabelMap, load_label_map
from schemas.taxonomy import load_taxonomy
from trainer.feedback.labels import GivenLabel


class Ballot:
    """Reads votes.

    Args:
        folder: with taxonomies and maps of the platform's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._maps: dict[tuple[str, str], LabelMap | None] = {}

    def vote(self, given: GivenLabel, taxonomy: str) -> str | None:
        """The label in this taxonomy; None where it has no such label, nor a counterpart of it."""
        label = given.label
        if label.label is None:
            return None
        labels = self._map(label.taxonomy, taxonomy)
        return None if labels is None else labels[label.label]

    def _map(self, source: str, target: str) -> LabelMap | None:
        key = (source, target)
        if key not in self._maps:
            self._maps[key] = load_label_map(source, target, self._folder) if self._known(source) else None
        return self._maps[key]

    def _known(self, name: str) -> bool:
        # The name is a record's, so it must not be able to end the run, nor to name a file elsewhere.
        if not name.replace("-", "").replace("_", "").isalnum():
            return False
        try:
            load_taxonomy(name, self._folder)
        except SchemaError:
            return False
        return True
