"""The tables of `sentistream ablate`, and what each of their cells changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from schemas.event import Mode, Policy
from schemas.prompt import Part

TableName = Literal["parts", "history", "retrieval", "loss", "mixing", "scene"]

#: Older turns, or labelled neighbours, that retrieval adds.
RETRIEVED: Final = 3


@dataclass(frozen=True, slots=True)
class Variant:
    """What a cell changes; None leaves the model's own.

    Attributes:
        parts: of the prompt.
        turns: most turns of history.
        older: turns from before those that bear on the message, by TF-IDF.
        neighbours: labelled training messages near to it, by TF-IDF, shown with their labels.
        scene: show scene descriptions.
        recipe: fields of the training recipe.
        mixing: of the training messages' categories.
        language: of the corpora that are used; all if None.
    """

    parts: tuple[Part, ...] | None = None
    turns: int | None = None
    older: int = 0
    neighbours: int = 0
    scene: bool = True
    policy: Policy = "one-pass"
    mode: Mode = "direct"
    recipe: dict[str, Any] = field(default_factory=dict)
    mixing: Literal["random", "equal"] = "random"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One question.

    Attributes:
        unified: corpora are taught and asked in one set of labels.
        scenes: only files with scene descriptions are asked and taught.
        trained: whether its cells mean little for a model that was not trained their way.
        reasoned: cells that need a model that answers in words.
    """

    title: str
    cells: dict[str, Variant]
    unified: bool = False
    scenes: bool = False
    trained: bool = False
    reasoned: frozenset[str] = frozenset()


def _parts() -> Iterator[tuple[str, Variant]]:
    full: tuple[Part, ...] = ("I", "H", "L")
    yield "full", Variant(parts=full, policy="calibrated")
    yield "without H", Variant(parts=("I", "L"), policy="calibrated")
    yield "without L", Variant(parts=("I", "H"), policy="calibrated")
    yield "without I", Variant(parts=("H", "L"), policy="calibrated")
    yield "without SANM", Variant(parts=full)
    reasoned: tuple[Part, ...] = ("I", "H", "L", "E")
    yield "reasoned, with E", Variant(parts=reasoned, policy="calibrated", mode="reasoned")
    yield "reasoned, without E", Variant(parts=full, policy="calibrated", mode="reasoned")


def _loss() -> Iterator[tuple[str, Variant]]:
    plain = {"gamma": 0.0, "alpha": None, "alpha_power": 0.0}
    yield "cross-entropy", Variant(recipe=plain)
    for gamma in (0.0, 1.0, 2.0, 3.0):
        yield f"gamma {gamma:g}, alpha 0.25", Variant(recipe=plain | {"gamma": gamma, "alpha": 0.25})
    for power in (0.25, 1.0):
        name = f"gamma 2, alpha by frequency to the power {power:g}"
        yield name, Variant(recipe={"gamma": 2.0, "alpha": "frequency", "alpha_power": power})


def _mixing() -> Iterator[tuple[str, Variant]]:
    for language, shown in (("en", "English"), ("zh", "Chinese")):
        yield f"{shown}, random", Variant(mixing="random", language=language)
        yield f"{shown}, equal", Variant(mixing="equal", language=language)


TABLES: Final[dict[TableName, Table]] = {
    "parts": Table(
        "Parts of the prompt, and the negotiation",
        dict(_parts()),
        reasoned=frozenset({"reasoned, with E", "reasoned, without E"}),
    ),
    "history": Table("Turns of history", {f"k = {turns}": Variant(turns=turns) for turns in (0, 1, 3, 5, 8, 12)}),
    "retrieval": Table(
        "Retrieval",
        {
            "none": Variant(),
            "older turns": Variant(older=RETRIEVED),
            "labelled neighbours": Variant(neighbours=RETRIEVED),
            "both": Variant(older=RETRIEVED, neighbours=RETRIEVED),
        },
        trained=True,
    ),
    "loss": Table("Focal loss beside cross-entropy", dict(_loss()), trained=True),
    "mixing": Table("Category mixing on unified labels", dict(_mixing()), unified=True, trained=True),
    "scene": Table("Scene descriptions", {"with": Variant(), "without": Variant(scene=False)}, scenes=True),
}
