"""The tables of ablations, made from the cells' JSON files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from trainer.ablation.tables import TABLES
from trainer.gate.markdown import table


def tables(folder: Path) -> str:
    """Every table of which a cell is there, in Markdown."""
    parts = [list(_table(folder / name, list(known.cells))) for name, known in TABLES.items()]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _table(folder: Path, order: list[str]) -> Iterator[str]:
    found = [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    cells = sorted((one for one in found if one["cell"] in order), key=lambda one: order.index(one["cell"]))
    if not cells:
        return
    first = cells[0]
    yield f"### {first['title']}"
    yield ""
    trained = (
        f"{first['budget_steps']} steps on {first['train_messages']} messages" if first["budget_steps"] else "none"
    )
    sizes = {one["messages"] for one in cells}
    messages = str(first["messages"]) if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    yield (f"Training of each cell: {trained}; {messages} messages asked; flips are right to wrong / wrong to right.")
    yield ""
    head = ("", "weighted F1", "macro-F1", "accuracy", "calibration error", "refitted", "calls", "outliers", "flips")
    yield from table(head, [_row(one) for one in cells])
    yield ""
    yield "```"
    yield from dict.fromkeys(one["command"] for one in cells)
    yield "```"


def _row(cell: dict[str, Any]) -> tuple[str, ...]:
    low, high = cell["intervals"]["weighted_f1"]
    return (
        cell["cell"],
        f"{100 * cell['weighted_f1']:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{100 * cell['macro_f1']:.1f}",
        f"{100 * cell['accuracy']:.1f}",
        "-" if cell["ece"] is None else f"{cell['ece']:.3f}",
        f"{cell['ece_fitted']:.3f}" if "ece_fitted" in cell else "-",
        f"{cell['calls_per_message']:.2f}",
        str(cell["outliers"]),
        f"{cell['right_to_wrong']} / {cell['wrong_to_right']}",
    )
