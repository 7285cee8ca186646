"""The tables of ablations, made from the cells' JSON files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from trainer.ablation.tables import TABLES
from trainer.gate.markdown import table


def tables(folder: Path) -> str:
    """Every table of which a cell is there, in Markdown; one for each model and set of files that were asked."""
    cells = [orjson.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]
    parts: list[list[str]] = []
    for name, known in TABLES.items():
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for one in cells:
            if one["table"] == name and one["cell"] in known.cells:
                groups.setdefault((one["model"], *_asked(one)), []).append(one)
        parts += [list(_table(found, list(known.cells))) for found in groups.values()]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _table(found: list[dict[str, Any]], order: list[str]) -> Iterator[str]:
    cells = sorted(found, key=lambda one: order.index(one["cell"]))
    first = cells[0]
    yield f"### {first['title']}: {', '.join(_asked(first))}"
    yield ""
    trained = (
        f"{first['budget_steps']} steps on {first['train_messages']} messages" if first["budget_steps"] else "none"
    )
    sizes = {one["messages"] for one in cells}
    messages = str(first["messages"]) if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    yield f"Asked was {first['model']}; training of each cell: {trained}; {messages} messages asked; flips are right to"
    yield "wrong / wrong to right."
    yield ""
    head = ("", "weighted F1", "macro-F1", "accuracy", "calibration error", "refitted", "calls", "outliers", "flips")
    yield from table(head, [_row(one) for one in cells])
    yield ""
    yield "```"
    yield from dict.fromkeys(one["command"] for one in cells)
    yield "```"


def _asked(cell: dict[str, Any]) -> list[str]:
    """The development files; what was made before cells named them names training files too."""
    found: list[str] = cell.get("asked_files", cell["files"])
    return found


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
