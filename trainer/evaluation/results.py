"""``docs/results.md`` from the JSON files of evaluations and ablations: `make results`.

python -m trainer.evaluation.results docs/results docs/results.md
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from trainer.ablation.markdown import tables
from trainer.gate.markdown import table

#: The figure that a corpus is compared by, where it is not weighted F1.
HEADLINE: Final = {
    "dailydialog": ("macro_f1_emotions", "macro-F1 of the six emotions"),
    "emocontext": ("micro_f1_emotions", "micro-F1 of happy, sad, angry"),
    "goemotions": ("macro_f1", "macro-F1"),
    "cped": ("macro_f1", "macro-F1"),
    "smp2020": ("macro_f1", "macro-F1"),
    "twitter2015": ("accuracy", "accuracy"),
    "twitter2017": ("accuracy", "accuracy"),
    "chsims": ("weighted_f1", "weighted F1"),
}
_WEIGHTED: Final = ("weighted_f1", "weighted F1")
#: As the service asks.
_ROUNDS: Final = 3
ABLATIONS: Final = "ablations"


def results(folder: Path) -> str:
    """The whole document."""
    found = [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    lines = [
        "# Results",
        "",
        "Made by `make results` from the JSON files in [results/](results/). All files are development splits in their",
        "publishers' own formats; none of them is in this repository. Figures are percentages; brackets hold 95 %",
        "intervals of a bootstrap over conversations. A file that chose a model's weights, temperature or threshold",
        "gives figures that are a little too good: a model's card says which did.",
    ]
    usual = [one for one in found if one["rounds"] == _ROUNDS]
    if usual:
        lines += ["", *_corpora(usual), "", *_policies(usual)]
    if more := _rounds(found):
        lines += ["", *more]
    if (folder / ABLATIONS).is_dir():
        lines += ["", *_ablations(folder / ABLATIONS)]
    return "\n".join(lines) + "\n"


def headline(found: dict[str, Any]) -> tuple[str, str]:
    """The key and the words of the figure that an evaluation's corpus is compared by."""
    key, shown = HEADLINE.get(found["format"], _WEIGHTED)
    return (key, shown) if key in found else _WEIGHTED


def _corpora(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## One pass, by corpus"
    yield ""
    yield "Baselines, each by the same figure: always the commonest label, and the better one of TF-IDF with logistic"
    yield "regression as it comes and with its labels balanced."
    yield ""
    head = (
        "file",
        "messages",
        "figure",
        "model",
        "commonest",
        "TF-IDF",
        "accuracy",
        "weighted F1",
        "calibration error",
    )
    yield from table(head, [_corpus(one) for one in found])
    yield ""
    yield from _how(found)
    if mapped := [one for one in found if one["asked_taxonomy"] != one["taxonomy"]]:
        names = ", ".join(dict.fromkeys(f"{one['file']} ({one['format']})" for one in mapped))
        yield ""
        yield f"Labels that the model was not taught are said in those that it knows: {names}."


def _corpus(found: dict[str, Any]) -> tuple[str, ...]:
    key, shown = headline(found)
    baselines = found["baselines"]
    first = found["policies"].get("one-pass", found)
    return (
        f"{found['format']}: {found['file']}",
        f"{found['messages']:,}",
        shown,
        _within(first, key),
        _percent(baselines.get("commonest", {}).get(key)),
        _percent(max((baselines[one][key] for one in ("tfidf", "tfidf_balanced") if one in baselines), default=None)),
        _percent(first["accuracy"]),
        _percent(first["weighted_f1"]),
        "-" if first["ece"] is None else f"{first['ece']:.3f}",
    )


def _policies(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Policies of the negotiation"
    yield ""
    yield "The change against one pass is in points of weighted F1, paired by the same resamples of conversations."
    yield ""
    head = (
        "corpus",
        "policy",
        "weighted F1",
        "against one pass",
        "right to wrong",
        "wrong to right",
        "outliers",
        "calls",
    )
    yield from table(head, [_policy(one) for file in found for one in file["policies"].values()])


def _policy(one: dict[str, Any]) -> tuple[str, ...]:
    change = "-"
    if "weighted_f1_change" in one and one["policy"] != "one-pass":
        value, low, high = (100 * one[f"weighted_f1_change{what}"] for what in ("", "_low", "_high"))
        change = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
    counts = (str(one[what]) for what in ("right_to_wrong", "wrong_to_right", "outliers"))
    return (
        one["format"],
        one["policy"],
        _percent(one["weighted_f1"]),
        change,
        *counts,
        f"{one['calls_per_message']:.2f}",
    )


def _rounds(found: Sequence[dict[str, Any]]) -> list[str]:
    """Files that were asked with several numbers of rounds."""
    files = {one["file"] for one in found if one["rounds"] != _ROUNDS}
    rows = sorted(
        (
            (one["format"], name, one["rounds"], figures)
            for one in found
            if one["file"] in files
            for name, figures in one["policies"].items()
            if name in {"paper", "calibrated"}
        ),
        key=lambda row: row[:3],
    )
    if not rows:
        return []
    cells = [
        (
            *row[:2],
            str(row[2]),
            _percent(row[3]["weighted_f1"]),
            str(row[3]["outliers"]),
            f"{row[3]['calls_per_message']:.2f}",
        )
        for row in rows
    ]
    head = ("corpus", "policy", "rounds", "weighted F1", "outliers", "calls a message")
    return ["## Rounds", "", *table(head, cells), "", *_how([one for one in found if one["file"] in files])]


def _ablations(folder: Path) -> Iterator[str]:
    yield "## Ablations"
    yield ""
    yield "`sentistream ablate --dev … --train …`; a cell's file says all that it was made with. Where cells train, the"
    yield "budget is small, so that the differences between cells count and not the figures."
    yield ""
    yield tables(folder).rstrip("\n")


def _how(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield "```"
    yield from dict.fromkeys(one["command"] for one in found)
    yield "```"


def _within(found: dict[str, Any], key: str) -> str:
    low, high = found["intervals"][key]
    return f"{_percent(found[key])} [{100 * low:.1f}, {100 * high:.1f}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def main() -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(prog="python -m trainer.evaluation.results", description=__doc__)
    parser.add_argument("folder", type=Path, help="with the JSON files of evaluations, and of ablations in a folder")
    parser.add_argument("out", type=Path, help="the document")
    given = parser.parse_args()
    given.out.write_text(results(given.folder), encoding="utf-8")


if __name__ == "__main__":
    main()
