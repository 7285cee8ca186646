"""What one refresh came to: a line of JSON for whatever started it, and the end of its run's folder."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from schemas.base import Frozen

Status = Literal["released", "refused", "nothing_new", "outdated"]


class Outcome(Frozen):
    """A refresh that ended as it should.

    Attributes:
        status: ``refused`` is the gate's; ``outdated``: another version went live meanwhile than was compared with.
        reason: in words.
        version: the candidate; None where there was none.
        parent: the version that was live before; None for the base model.
        labelled: messages that were trained or judged on.
        agreement: Krippendorff's alpha among the annotators; None where too few messages have several labels.
        metrics: what the gate measured, by name.
        report: the gate's report.
        resumed: an earlier run was gone on with.
    """

    status: Status
    reason: str
    model: str
    version: str | None = None
    parent: str | None = None
    labelled: int = Field(default=0, ge=0)
    agreement: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    report: Path | None = None
    resumed: bool = False
    seconds: float = Field(default=0.0, ge=0)
