"""What a candidate said beside the live adapter: as JSON for machines, as Markdown for people. No message text."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
from pydantic import AwareDatetime

from schemas.base import Frozen

JSON_FILE: Final = "shadow.json"
MARKDOWN_FILE: Final = "shadow.md"
ANSWERS_FILE: Final = "shadow.jsonl"
#: How tables call what has no label.
OUTLIER: Final = "(outlier)"
_MOST_PAIRS: Final = 20
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Compared:
    """One message. Labels are None for outliers; confidences are the first answers' probabilities."""

    event_id: str
    live: str | None
    candidate: str | None
    live_confidence: float | None
    candidate_confidence: float | None
    live_version: str | None


class LabelPair(Frozen):
    """How often the live adapter said one thing and the candidate another, and how sure they were."""

    live: str
    candidate: str
    messages: int
    live_confidence: float | None = None
    candidate_confidence: float | None = None


class AgainstPeople(Frozen):
    """Messages of the comparison that people labelled meanwhile: a majority's label, ties left out."""

    messages: int = 0
    live_right: int = 0
    candidate_right: int = 0


class ShadowReport(Frozen):
    """A candidate in the shadow of the live adapter.

    Attributes:
        candidate: its version; None for the base model.
        live: messages by the version that answered them; "base" for none.
        share: of the live messages that was to be compared.
        seen: messages in that time.
        compared: messages that both answered.
        left_out: messages of the share that were not compared, by reason.
        agreement: share of the compared messages with the same answer; None without any.
        agreement_low: with `agreement_high`, its 95 % interval (Wilson), as if messages were independent.
        live_mix: share of each label, outliers included.
        live_outliers: share of messages without a label.
        live_confidence: mean probability of the first answer.
        pairs: of answers that differ, the most frequent first.
    """

    candidate: str | None
    live: dict[str, int]
    began_at: AwareDatetime
    seconds: float
    share: float
    seen: int
    compared: int
    left_out: dict[str, int]
    agreement: float | None = None
    agreement_low: float | None = None
    agreement_high: float | None = None
    live_mix: dict[str, float]
    candidate_mix: dict[str, float]
    live_outliers: float
    candidate_outliers: float
    live_confidence: float | None = None
    candidate_confidence: float | None = None
    pairs: tuple[LabelPair, ...]
    people: AgainstPeople

    def write(self, folder: Path) -> None:
        """Both files, into a folder that is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / MARKDOWN_FILE).write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """As a page."""
        people = self.people
        lines = [
            f"# {self.candidate or 'The base model'} in the shadow of the live adapter",
            "",
            f"{self.compared} of {self.seen} messages compared in {self.seconds:.0f} s, from "
            f"{self.began_at.isoformat(timespec='seconds')} on. Live: "
            + (", ".join(f"{version} ({count})" for version, count in self.live.items()) or "nothing")
            + ". No event went to a platform.",
            "",
            "| | live | candidate |",
            "| --- | --- | --- |",
            f"| outliers | {self.live_outliers:.1%} | {self.candidate_outliers:.1%} |",
            f"| mean confidence | {_number(self.live_confidence)} | {_number(self.candidate_confidence)} |",
            f"| right, of {people.messages} that people labelled | {people.live_right} | {people.candidate_right} |",
            *(
                f"| {label} | {self.live_mix.get(label, 0):.1%} | {self.candidate_mix.get(label, 0):.1%} |"
                for label in sorted({*self.live_mix, *self.candidate_mix} - {OUTLIER})
            ),
            "",
            f"Same answer: {_interval(self.agreement, self.agreement_low, self.agreement_high)}.",
        ]
        if self.pairs:
            lines += ["", "| live | candidate | messages | confidence, live | candidate |", "| --- " * 5 + "|"]
            lines += [
                f"| {one.live} | {one.candidate} | {one.messages} | {_number(one.live_confidence)} | "
                f"{_number(one.candidate_confidence)} |"
                for one in self.pairs
            ]
        left = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.left_out.items() if count)
        return "\n".join([*lines, "", f"Not compared: {left or 'none'}.", ""])


def write_answers(folder: Path, compared: Iterable[Compared]) -> None:
    """Both answers to each message, one line of JSON each: ids, labels and confidences, no text."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ANSWERS_FILE).open("wb") as file:
        file.writelines(orjson.dumps(asdict(one), option=orjson.OPT_APPEND_NEWLINE) for one in compared)


def label_pairs(compared: Sequence[Compared]) -> tuple[LabelPair, ...]:
    """The answers that differ, by both labels."""
    groups: dict[tuple[str, str], list[Compared]] = {}
    for one in compared:
        if one.live != one.candidate:
            groups.setdefault((one.live or OUTLIER, one.candidate or OUTLIER), []).append(one)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        LabelPair(
            live=live,
            candidate=candidate,
            messages=len(found),
            live_confidence=mean([one.live_confidence for one in found]),
            candidate_confidence=mean([one.candidate_confidence for one in found]),
        )
        for (live, candidate), found in ordered[:_MOST_PAIRS]
    )


def mix(labels: Sequence[str | None]) -> dict[str, float]:
    """Share of each label, the most frequent first."""
    counts = Counter(label or OUTLIER for label in labels)
    return {label: round(count / len(labels), 4) for label, count in counts.most_common()}


def mean(values: Sequence[float | None]) -> float | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def wilson(hits: int, of: int) -> tuple[float, float, float] | None:
    """A share with its 95 % interval (Wilson, 1927); None of nothing."""
    if not of:
        return None
    share = hits / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return share, max(middle - half, 0.0), min(middle + half, 1.0)


def against_people(compared: Sequence[Compared], said: Mapping[str, Mapping[str, str]]) -> AgainstPeople:
    """Both against the majority of people.

    Args:
        compared: the messages.
        said: by event id, each person's latest label.
    """
    judged = [(one, top) for one in compared if (top := _majority(said.get(one.event_id, {}))) is not None]
    return AgainstPeople(
        messages=len(judged),
        live_right=sum(one.live == top for one, top in judged),
        candidate_right=sum(one.candidate == top for one, top in judged),
    )


def _majority(labels: Mapping[str, str]) -> str | None:
    votes = Counter(labels.values()).most_common(2)
    if not votes or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(share: float | None, low: float | None, high: float | None) -> str:
    if share is None or low is None or high is None:
        return "nothing was compared"
    return f"{share:.1%} (95 % interval {low:.1%} to {high:.1%})"
