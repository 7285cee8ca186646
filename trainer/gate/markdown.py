"""The report as Markdown: the decision first, then why, then everything else."""

from collections.abc import Iterable, Iterator, Sequence

from schemas.interpolation import ShareChoice, ShareFigures
from trainer.gate.report import CONFUSION_PICTURE, RELIABILITY_PICTURE, Change, Compared, GateReport


def markdown(report: GateReport) -> str:
    """The whole report."""
    lines = [*_head(report), "", *_rules(report)]
    if report.compared is not None:
        lines += ["", *_labels(report.compared), "", *_sides(report.compared)]
        if report.compared.guards:
            lines += ["", *_guards(report.compared)]
        lines += ["", *_pictures()]
    if report.interpolation is not None:
        lines += ["", *_shares(report.interpolation)]
    return "\n".join([*lines, "", *_how(report)]) + "\n"


def _head(report: GateReport) -> Iterator[str]:
    yield f"# {'Released' if report.released else 'Refused'}: {report.candidate}"
    yield ""
    yield f"Compared with what is live: {report.live}."
    if report.compared is not None:
        yield ""
        live, candidate = report.compared.live, report.compared.candidate
        shown = [
            f"{what} {_percent(before)} → **{_percent(after)}** ({_points(after - before)})"
            for what, before, after in (
                ("Macro-F1", live.macro_f1, candidate.macro_f1),
                ("weighted F1", live.weighted_f1, candidate.weighted_f1),
            )
        ]
        yield f"{', '.join(shown)} on {report.messages} held-out messages of {report.conversations} conversations."
    yield ""
    if report.released:
        yield f"All {len(report.rules)} rules are kept."
    else:
        yield f"**{len(report.reasons)} of {len(report.rules)} rules are not kept:**"
        yield ""
        yield from (f"- {reason}" for reason in report.reasons)
    if report.answered_by not in (None, report.policy):
        yield ""
        yield f"**Careful:** most recent events were answered through `{report.answered_by}`, both sides here through"
        yield f"`{report.policy}`: set SANM_POLICY of the trainer as that of the worker."


def _rules(report: GateReport) -> Iterator[str]:
    yield "## Rule by rule"
    yield ""
    rows = [("kept" if rule.passed else "**not kept**", rule.name, rule.text) for rule in report.rules]
    yield from table(("", "rule", "found"), rows)


def _labels(compared: Compared) -> Iterator[str]:
    yield "## Label by label"
    yield ""
    rows = [
        (row.name, str(row.support), _change(row.recall), _change(row.precision), _change(row.f1))
        for row in compared.labels
    ]
    yield from table(("label", "cases", "recall", "precision", "F1"), rows)


def _sides(compared: Compared) -> Iterator[str]:
    yield "## Side by side"
    yield ""
    live, candidate = compared.live, compared.candidate
    shares = ("accuracy", "macro_f1", "weighted_f1")
    rows = [
        (what.replace("_f1", " F1"), *(_percent(getattr(one, what)) for one in (live, candidate))) for what in shares
    ]
    figures = (
        ("messages without a label", "invalid", lambda value: f"{100 * value:.2f} %"),
        ("expected calibration error", "calibration_error", "{:.3f}".format),
        ("the same by chance alone", "calibration_by_chance", "{:.3f}".format),
        ("temperature", "temperature", "{:.4g}".format),
        ("acceptance threshold", "threshold", "{:.4g}".format),
        ("model calls a message", "calls", "{:.3f}".format),
        ("right answers made wrong by the negotiation", "right_to_wrong", str),
        ("wrong answers made right by it", "wrong_to_right", str),
    )
    rows = [(name, *(shown(getattr(one, what)) for one in (live, candidate))) for name, what, shown in figures]
    yield from table(("", f"live: {live.name}", f"candidate: {candidate.name}"), rows)


def _guards(compared: Compared) -> Iterator[str]:
    yield "## Guards: what must not be unlearned"
    yield ""
    rows = [(row.name, str(row.messages), _change(row.weighted_f1)) for row in compared.guards]
    yield from table(("set", "messages", "weighted F1"), rows)


def _shares(choice: ShareChoice) -> Iterator[str]:
    yield "## How far from the beginning of training to its end"
    yield ""
    yield f"{choice.share:g} of the way: {choice.reason}. On {choice.messages} development messages of the platform"
    sizes = ", ".join(f"{messages} of {name}" for name, messages in choice.guard_messages.items())
    yield f"and {sizes or 'none of any corpus'}; not on those that decide above."
    if choice.live is not None:
        yield ""
        names = list(choice.live.guards)
        head = ("of the way", "macro-F1", "weighted F1", "calibration error (by chance)", *names)
        rows = [("live", *_share_row(choice.live, names))]
        for one in choice.tried:
            name = f"**{one.share:g}**" if one.share == choice.share else f"{one.share:g}"
            rows.append((name, *_share_row(one, names)))
        yield from table(head, rows)


def _share_row(one: ShareFigures, guards: Iterable[str]) -> Iterator[str]:
    yield _percent(one.macro_f1)
    yield _percent(one.weighted_f1)
    yield f"{one.calibration_error:.3f} ({one.calibration_by_chance:.3f})"
    yield from (_percent(one.guards[name]) for name in guards)


def _pictures() -> Iterator[str]:
    yield "## Pictures"
    yield ""
    yield f"![Confusion matrices of both sides]({CONFUSION_PICTURE})"
    yield ""
    yield f"![Reliability diagrams of both sides]({RELIABILITY_PICTURE})"


def _how(report: GateReport) -> Iterator[str]:
    yield "## How it was measured"
    yield ""
    yield f"- Both sides answered through policy `{report.policy}`, at most {report.rounds} rounds."
    yield f"- Intervals come from {report.resamples} paired resamples of conversations, seed {report.seed}."
    fitted = f"Temperature and threshold of the candidate were fitted on {report.development_messages} messages"
    if report.refitted:
        yield f"- {fitted} of development data."
    elif report.compared is not None:
        few = f"{report.development_messages} development messages are too few"
        yield f"- {few}: the live temperature and threshold stay."
    yield "- A message gets no label where the negotiation ends without consensus, or no answer is in the label set."
    yield "- Calibration is that of the first answers, in bins of equal size."
    yield "- Times are ratios of runs one right after the other. A base model that is live wears an adapter of zeros."
    yield f"- Decided at {report.decided_at:%Y-%m-%d %H:%M:%S} UTC."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(_cell(one) for one in row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _change(change: Change) -> str:
    return f"{_percent(change.live)} → {_percent(change.candidate)} ({_points(change.rise)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
