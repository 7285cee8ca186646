"""What the stages of a refresh hand to each other, as they are kept in the run's folder."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from pydantic import Field

from schemas.adapter import OffsetSpan
from schemas.base import Frozen
from schemas.event import Policy
from trainer.run_folder import Run

_SUMMARY: Final = "summary.json"
_VERDICT: Final = "verdict.json"
#: The reason of a release that nobody but the gate decided.
BY_GATE: Final = "the gate let it pass"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run stands on.

    Attributes:
        model: its name.
        base_sha256: of its weights.
        parent: the live version; None for the base model.
        recipe_sha256: of the recipe and of all settings that change what comes out.
        seen: the records that the live adapter was made from.
    """

    model: str
    base_sha256: str
    parent: str | None
    recipe_sha256: str
    seen: tuple[OffsetSpan, ...] = ()

    def run(self, spans: tuple[OffsetSpan, ...], now: datetime) -> Run:
        """A new run; its version sorts by time."""
        return Run(
            model=self.model,
            version=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            base_sha256=self.base_sha256,
            parent=self.parent,
            recipe_sha256=self.recipe_sha256,
            spans=spans,
            started_at=now,
        )


class DataSummary(Frozen):
    """What was read.

    Attributes:
        labelled: messages with a label that annotators agree on.
        kept: of those, the ones that the topics no longer hold.
        annotated: messages with any label.
        ties: messages without a majority, which are left out.
        hash_mismatches: messages whose prompt is not the one of their event; they are left out.
        agreement: Krippendorff's alpha; None where too few messages have several labels.
        train: messages trained on; likewise ``development`` and ``held_out``.
        too_little: in words, why it is not worth training; None if it is.
        policy: by which most recent events were answered.
    """

    labelled: int = Field(default=0, ge=0)
    kept: int = Field(default=0, ge=0)
    annotated: int = Field(default=0, ge=0)
    ties: int = Field(default=0, ge=0)
    hash_mismatches: int = Field(default=0, ge=0)
    agreement: float | None = None
    train: int = Field(default=0, ge=0)
    development: int = Field(default=0, ge=0)
    held_out: int = Field(default=0, ge=0)
    too_little: str | None = None
    policy: Policy | None = None

    def write(self, folder: Path) -> None:
        """Into a stage's folder."""
        (folder / _SUMMARY).write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From a stage's folder."""
        return cls.model_validate_json((folder / _SUMMARY).read_bytes())


class Verdict(Frozen):
    """What the gate said, and what travels with the adapter.

    Attributes:
        reasons: one for each rule that is not kept; empty for a release.
    """

    released: bool
    reasons: tuple[str, ...]
    metrics: dict[str, float] = Field(default_factory=dict)
    temperature: float = Field(gt=0)
    threshold: float = Field(ge=0, le=1)

    @property
    def summary(self) -> str:
        """In words."""
        return "; ".join(self.reasons) or BY_GATE

    def write(self, folder: Path) -> None:
        """Into a stage's folder."""
        (folder / _VERDICT).write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From a stage's folder."""
        return cls.model_validate_json((folder / _VERDICT).read_bytes())
