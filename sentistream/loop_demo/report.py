"""The demo's result as a table, a plot and JSON."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from sentistream.loop_demo.check import Check
from sentistream.loop_demo.measure import RULE, Scores

_PERCENT: Final = 100
_COLUMNS: Final = (
    "labelled",
    "refresh",
    "live version",
    "macro-F1, EmoContext valid",
    "weighted F1, MELD dev",
    "refresh s",
    "swap s",
)
_GUARD: Final = "MELD's development file is used here, and as a guard of releases; it is never trained on."


@dataclass(frozen=True, slots=True)
class Row:
    """After one step.

    Attributes:
        labelled: messages that people had labelled by then.
        status: the refresh's; ``before`` for the model as it came.
        live: the version that answers from then on.
        swap_s: from the end of the refresh to the first event of the new version.
        refresh_s: how long the refresh took.
    """

    labelled: int
    status: str
    reason: str
    live: str | None
    scores: Scores
    agreement: float | None = None
    refresh_s: float = 0.0
    swap_s: float | None = None


def write(out: Path, rows: Sequence[Row], check: Check | None) -> str:
    """Write loop-demo.md, .png and .json; returns the Markdown."""
    text = markdown(rows, check)
    (out / "loop-demo.md").write_text(text, encoding="utf-8")
    content = {"rows": [dataclasses.asdict(row) for row in rows], "check": check and dataclasses.asdict(check)}
    (out / "loop-demo.json").write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    _plot(out / "loop-demo.png", rows)
    return text


def markdown(rows: Sequence[Row], check: Check | None) -> str:
    """The table, how to read it, and the check."""
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    first = rows[0].scores
    for row in rows:
        cells = (
            f"{row.labelled:,}",
            row.status,
            row.live or "base model",
            _with_change(row.scores.platform, first.platform),
            _with_change(row.scores.meld, first.meld),
            f"{row.refresh_s:.0f}",
            "" if row.swap_s is None else f"{row.swap_s:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"{RULE} {_GUARD}", ""]
    lines += [f"- {row.labelled:,} labelled: {row.status}. {row.reason}" for row in rows[1:]]
    if check is not None:
        versions = ", ".join(f"{version} {count:,}" for version, count in check.by_version.items())
        wrong = f"{check.lost} lost, {check.doubled} doubled, {check.dead_letters} dead letters"
        lines.append(
            f"\n{check.messages:,} messages: {wrong}, {check.wrong_version} by a version that was not live. "
            f"Events by version: {versions}."
        )
    return "\n".join(lines) + "\n"


def _with_change(value: float, first: float) -> str:
    return f"{_PERCENT * value:.1f} ({_PERCENT * (value - first):+.1f})"


def _plot(path: Path, rows: Sequence[Row]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    labelled = [row.labelled for row in rows]
    for values, name, mark in (
        ([row.scores.platform for row in rows], "EmoContext valid, macro-F1", "o"),
        ([row.scores.meld for row in rows], "MELD dev, weighted F1", "s"),
    ):
        axes.plot(labelled, [_PERCENT * value for value in values], marker=mark, label=name)
    for row in rows[1:]:
        if row.status != "released":
            axes.annotate("refused", (row.labelled, _PERCENT * row.scores.platform), xytext=(0, 8),
                          textcoords="offset points", ha="center")  # fmt: skip
    axes.set(xlabel="messages labelled by people", ylabel="percent", xticks=labelled)
    axes.margins(y=0.12)  # room for the words over the highest point
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
