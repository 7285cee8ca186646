"""What is judged on which messages, and what each side is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ValidationError

from schemas.adapter import METADATA_FILE, AdapterMetadata
from trainer.examples import Example
from trainer.gate.answers import Trust
from trainer.gate.errors import GateError
from trainer.metrics import OUTLIER, Indices


@dataclass(frozen=True, slots=True)
class FrozenSets:
    """Labelled messages that no training ever sees.

    Attributes:
        held_out: on which the decision is made.
        development: on which the candidate's temperature and threshold are fitted.
        guards: by name, what a candidate must not unlearn, such as a corpus' development split.
    """

    held_out: Sequence[Example]
    development: Sequence[Example]
    guards: Mapping[str, Sequence[Example]] = field(default_factory=dict)

    def check(self) -> None:
        """GateError where a conversation is in both: the temperature would be fitted to what it is judged on."""
        both = {one.conversation for one in self.held_out} & {one.conversation for one in self.development}
        if both:
            raise GateError(
                f"{len(both)} of the conversations stand in the held-out and in the development data; "
                "split by conversation, so that each is in one of them"
            )


@dataclass(frozen=True, slots=True)
class LiveSide:
    """The adapter that is live, with the temperature and threshold that travel with it."""

    version: str
    folder: Path
    trust: Trust

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From an adapter's folder; GateError where its metadata is missing or wrong."""
        path = folder / METADATA_FILE
        try:
            metadata = AdapterMetadata.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise GateError(f"{path}: the live adapter says nothing usable of itself: {error}") from error
        return cls(metadata.version, folder, Trust(metadata.temperature, metadata.threshold))


class LabelSet:
    """All labels of some examples in one order, since messages may have different taxonomies."""

    def __init__(self, examples: Iterable[Example]) -> None:
        """Labels of one name are one label."""
        named = [[label.name for label in one.question.parts.labels] for one in examples]
        self.names = list(dict.fromkeys(name for names in named for name in names))
        place = {name: index for index, name in enumerate(self.names)}
        most = max(map(len, named), default=0)
        self._places = np.full((len(named), most + 1), OUTLIER, dtype=np.int64)
        for row, names in enumerate(named):
            self._places[row, : len(names)] = [place[name] for name in names]

    def of(self, own: Indices) -> Indices:
        """From indices of each example's own labels to this order; OUTLIER, the last column, stays itself."""
        result: Indices = self._places[np.arange(len(own)), own]
        return result


def targets(examples: Sequence[Example]) -> Indices:
    """True labels, as indices of each example's own label set."""
    return np.array([one.target for one in examples], dtype=np.int64)


def usual_taxonomy(examples: Sequence[Example]) -> str:
    """That of most of them; empty where there are none."""
    found = Counter(one.question.parts.taxonomy for one in examples)
    return found.most_common(1)[0][0] if found else ""
