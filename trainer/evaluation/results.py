"""``docs/results.md`` from the JSON files of evaluations and ablations: `make results`.

python -m trainer.evaluation.results docs/results docs/results.md
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from trainer.ablation.markdown import tables
from trainer.evaluation.headline import Figure, change, headlines
from trainer.gate.markdown import table

#: As the service asks.
_ROUNDS: Final = 3
ABLATIONS: Final = "ablations"


def results(folder: Path) -> str:
    """The whole document."""
    found = [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    lines = [
        "# Results",
        "",
        "Made by `make results` from the JSON files in [results/](results/). All files are development data, in their",
        "publishers' own formats or, where a part of a file is held out, in our JSON Lines; none of them is in this",
        "repository. Figures are percentages; brackets hold 95 % intervals of a bootstrap over conversations. A file",
        "that chose a model's weights, temperature or threshold gives figures that are a little too good: a model's",
        "card says which did.",
    ]
    subjects = dict.fromkeys(map(_subject, found))
    for subject in subjects:
        own = [one for one in found if _subject(one) == subject]
        title = f": {subject}" if len(subjects) > 1 else ""
        if usual := [one for one in own if one["rounds"] == _ROUNDS]:
            lines += ["", *_corpora(usual, subject, title), "", *_policies(usual, title)]
        if more := _rounds(own, title):
            lines += ["", *more]
    if (folder / ABLATIONS).is_dir():
        lines += ["", *_ablations(folder / ABLATIONS)]
    return "\n".join(lines) + "\n"


def _subject(found: dict[str, Any]) -> str:
    """Who was asked: figures of different ones never stand in one table."""
    words = [found["model"]]
    words += [f"with adapter {found['adapter']}"] if found["adapter"] else []
    words += [f"by engine {found['engine']}"] if found["engine"] != "local" else []
    words += [f"in mode {found['mode']}"] if found["mode"] != "direct" else []
    return " ".join(words)


def _corpora(found: Sequence[dict[str, Any]], subject: str, title: str) -> Iterator[str]:
    yield f"## One pass, by corpus{title}"
    yield ""
    yield f"Asked was {subject}. Baselines, each by the same figure: always the commonest label, and the better one of"
    yield "TF-IDF with logistic regression as it comes and with its labels balanced."
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
        "calibration error (by chance)",
    )
    yield from table(head, [_corpus(one, figure) for one in found for figure in headlines(one)])
    yield ""
    yield from _how(found)
    if mapped := [one for one in found if one["asked_taxonomy"] != one["taxonomy"]]:
        names = ", ".join(dict.fromkeys(f"{one['file']} ({one['format']})" for one in mapped))
        yield ""
        yield f"Labels that the model was not taught are said in those that it knows: {names}."


def _corpus(found: dict[str, Any], figure: Figure) -> tuple[str, ...]:
    baselines = found["baselines"]
    first = found["policies"].get("one-pass", found)
    learnt = [baselines[one].get(figure.key) for one in ("tfidf", "tfidf_balanced") if one in baselines]
    return (
        _name(found),
        f"{found['messages']:,}",
        figure.shown,
        _within(first, figure.key),
        _percent(baselines.get("commonest", {}).get(figure.key)),
        _percent(max((one for one in learnt if one is not None), default=None)),
        _percent(first["accuracy"]),
        _percent(first["weighted_f1"]),
        _calibration(first),
    )


def _calibration(first: dict[str, Any]) -> str:
    if first["ece"] is None:
        return "-"
    chance = first.get("ece_by_chance")
    return f"{first['ece']:.3f}" + ("" if chance is None else f" ({chance:.3f})")


def _name(found: dict[str, Any]) -> str:
    return f"{found['format']}: {found['file']}"


def _policies(found: Sequence[dict[str, Any]], title: str) -> Iterator[str]:
    yield f"## Policies of the negotiation{title}"
    yield ""
    yield "By the commands above. The change against one pass is in points of the corpus's figure, paired by the same"
    yield "resamples of conversations. Model time is times that of one pass, without the prefixes that a message's"
    yield "questions share in the service."
    yield ""
    head = (
        "file",
        "figure",
        "policy",
        "model",
        "against one pass",
        "right to wrong",
        "wrong to right",
        "outliers",
        "calls",
        "model time",
    )
    rows = [
        _policy(file, one, figure) for file in found for figure in headlines(file) for one in file["policies"].values()
    ]
    yield from table(head, rows)


def _policy(file: dict[str, Any], one: dict[str, Any], figure: Figure) -> tuple[str, ...]:
    ratio = one.get("model_s_ratio")
    return (
        _name(file),
        figure.shown,
        one["policy"],
        _percent(one[figure.key]),
        "-" if one["policy"] == "one-pass" else change(one, figure) or "-",
        *(str(one[what]) for what in ("right_to_wrong", "wrong_to_right", "outliers")),
        f"{one['calls_per_message']:.2f}",
        "-" if ratio is None else f"{ratio:.2f}",
    )


def _rounds(found: Sequence[dict[str, Any]], title: str) -> list[str]:
    """Files that were asked with several numbers of rounds."""
    files = {_name(one) for one in found if one["rounds"] != _ROUNDS}
    asked = [one for one in found if _name(one) in files]
    rows = [
        (_name(one), name, one["rounds"], figures)
        for one in asked
        for name, figures in one["policies"].items()
        if name in {"paper", "calibrated"}
    ]
    if not rows:
        return []
    cells = []
    for file, policy, rounds, figures in sorted(rows, key=lambda row: row[:3]):
        figure = headlines(figures)[0]
        counts = (str(figures["outliers"]), f"{figures['calls_per_message']:.2f}")
        cells.append((file, figure.shown, policy, str(rounds), _percent(figures[figure.key]), *counts))
    head = ("file", "figure", "policy", "rounds", "model", "outliers", "calls a message")
    return [f"## Rounds{title}", "", *table(head, cells), "", *_how(asked)]


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
