"""Confusion matrices and reliability diagrams of both sides, side by side."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.gate.report import Compared, SideReport

_DOTS: Final = 110
#: Above this share of a row, white is read better than black.
_DARK: Final = 0.55
_NO_LABEL: Final = "no label"


def draw_confusion(path: Path, compared: Compared, labels: list[str]) -> None:
    """Counts, coloured by their share of the true label's messages."""
    size = 2.6 + 0.55 * len(labels)
    figure = Figure(figsize=(2 * size, size), layout="constrained")
    for place, side, title in zip(figure.subplots(1, 2), *_both(compared), strict=True):
        confusion_matrix(place, side, labels, title)
    save(figure, path)


def draw_reliability(path: Path, compared: Compared) -> None:
    """How often answers of like confidence are right; on the diagonal, confidence means what it says."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    for place, side, title in zip(figure.subplots(1, 2, sharey=True), *_both(compared), strict=True):
        reliability_diagram(place, side, title)
    save(figure, path)


def _both(compared: Compared) -> tuple[list[SideReport], list[str]]:
    sides = [compared.live, compared.candidate]
    return sides, [f"{what}: {side.name}" for what, side in zip(("live", "candidate"), sides, strict=True)]


def confusion_matrix(place: Any, side: SideReport, labels: list[str], title: str) -> None:
    """Draw one side's matrix into its place."""
    cells = np.array(side.confusion)
    columns = [*labels, _NO_LABEL]
    if not cells[:, -1].any():
        cells, columns = cells[:, :-1], labels
    shares = cells / np.maximum(cells.sum(1, keepdims=True), 1)
    place.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(cells):
        if count:
            colour = "white" if shares[row, column] > _DARK else "black"
            place.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    place.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    place.set_yticks(range(len(labels)), labels)
    place.set(title=f"{title}\nmacro-F1 {100 * side.macro_f1:.1f} %", xlabel="answer", ylabel="truth")


def reliability_diagram(place: Any, side: SideReport, title: str) -> None:
    """Draw one side's diagram into its place."""
    confidence = [one.confidence for one in side.reliability]
    place.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    place.plot(confidence, [one.accuracy for one in side.reliability], marker="o", clip_on=False, zorder=3)
    place.vlines(confidence, confidence, [one.accuracy for one in side.reliability], color="tab:red", alpha=0.5)
    error = f"expected calibration error {side.calibration_error:.3f}, temperature {side.temperature:.2f}"
    place.set(title=f"{title}\n{error}", xlabel="confidence", ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1))


def save(figure: Figure, path: Path) -> None:
    """Write a picture."""
    FigureCanvasAgg(figure)  # pictures without a screen, whatever matplotlib is set to
    figure.savefig(path, dpi=_DOTS)
