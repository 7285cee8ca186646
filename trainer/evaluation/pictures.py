"""One policy's confusion matrix and reliability diagram."""

from pathlib import Path

from matplotlib.figure import Figure

from trainer.gate.pictures import confusion_matrix, reliability_diagram, save
from trainer.gate.report import SideReport


def draw(confusion: Path, reliability: Path, side: SideReport, labels: list[str]) -> None:
    """Write both pictures."""
    size = 2.6 + 0.55 * len(labels)
    matrix = Figure(figsize=(size, size), layout="constrained")
    confusion_matrix(matrix.subplots(), side, labels, side.name)
    save(matrix, confusion)
    diagram = Figure(figsize=(5.6, 5.2), layout="constrained")
    reliability_diagram(diagram.subplots(), side, side.name)
    save(diagram, reliability)
