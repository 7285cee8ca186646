"""The gate's report: what was compared, by which rules, and why the decision is what it is."""

from typing import Final, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Frozen, Message
from schemas.event import Policy
from schemas.interpolation import ShareChoice

REPORT_JSON = "report.json"
REPORT_MARKDOWN = "report.md"
CONFUSION_PICTURE = "confusion.png"
RELIABILITY_PICTURE = "reliability.png"
#: After a model's name, where it was live alone.
WITHOUT_ADAPTER: Final = " without an adapter"

RuleName = Literal[
    "enough held-out data",
    "macro-F1 not worse",
    "better in one F1",
    "recall of each label",
    "invalid answers",
    "calibration",
    "time per message",
    "guards",
]

RuleCode = Literal[
    "gate_enough",
    "gate_not_worse",
    "gate_better",
    "gate_recall_fallen",
    "gate_recall_least",
    "gate_recall_none",
    "gate_invalid",
    "gate_calibration",
    "gate_calibration_plain",
    "gate_time",
    "gate_guards_fallen",
    "gate_guards_stand",
]


class RuleResult(Frozen):
    """One rule: whether the candidate keeps it, and in which figures.

    Attributes:
        code: names the text, whose places `facts` fill, for other languages; older reports have none. What a code says
            stays what it is: `gate_calibration` is of what is beyond chance.
    """

    name: RuleName
    passed: bool
    text: str
    code: RuleCode | None = None
    facts: dict[str, str | int] = Field(default_factory=dict)


class ReliabilityBin(Frozen):
    """Messages of like confidence: how sure the model was on average, and how often it was right."""

    confidence: float
    accuracy: float
    messages: int


class SideReport(Frozen):
    """One side on the held-out messages.

    Attributes:
        name: the adapter's version, or the base model.
        invalid: share of the messages that got no label: no consensus, or no answer inside the label set.
        calibration_error: expected, of the first answers' confidence after temperature.
        calibration_by_chance: what perfect confidence of that size would show on so few messages; 0 in older reports.
        calls: of the model, a message.
        right_to_wrong: first answers that the negotiation made wrong.
        wrong_to_right: and those that it mended.
        confusion: messages by true label (rows) and answer (columns); the last column holds the invalid ones.
        reliability: from the least to the most confident.
    """

    name: str
    temperature: float
    threshold: float
    accuracy: float
    macro_f1: float
    weighted_f1: float
    invalid: float
    calibration_error: float
    calibration_by_chance: float = 0.0
    calls: float
    right_to_wrong: int
    wrong_to_right: int
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]

    @property
    def calibration_beyond_chance(self) -> float:
        """What of the error is the model's own; bins of few messages show one where there is none."""
        return max(self.calibration_error - self.calibration_by_chance, 0.0)


class Change(Frozen):
    """A figure with what is live, and with the candidate."""

    live: float
    candidate: float

    @property
    def rise(self) -> float:
        """From live to candidate."""
        return self.candidate - self.live


class LabelRow(Frozen):
    """One label on the held-out messages."""

    name: str
    support: int
    precision: Change
    recall: Change
    f1: Change


class GuardRow(Frozen):
    """Weighted F1 on messages that the candidate must not unlearn."""

    name: str
    messages: int
    weighted_f1: Change


class DifferenceRow(Frozen):
    """A score's difference, candidate minus live, with its 95 % interval over resampled conversations."""

    observed: float
    low: float
    high: float
    not_worse: float


class TimeRow(Frozen):
    """Candidate over live: seconds of one model call, calls a message, and both together."""

    seconds: float
    calls: float
    per_message: float
    turns: int
    sure: bool


class Compared(Frozen):
    """All figures; there are none where the held-out data are too few to ask.

    Attributes:
        names: the labels in the order of the confusion matrices.
    """

    names: tuple[str, ...]
    live: SideReport
    candidate: SideReport
    labels: tuple[LabelRow, ...]
    macro_f1: DifferenceRow
    weighted_f1: DifferenceRow
    time: TimeRow
    guards: tuple[GuardRow, ...]


class GateReport(Message):
    """One decision.

    Attributes:
        reasons: of a refusal, one per rule that is not kept; empty for a release.
        answered_by: the policy of most recent events; None where that is not known.
        messages: of the held-out set.
        refitted: whether temperature and threshold were fitted anew; else they are the live ones.
        interpolation: how far the candidate goes from its training's beginning to its end, where that was chosen.
    """

    candidate: str
    live: str
    released: bool
    reasons: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    policy: Policy
    rounds: int
    answered_by: Policy | None = None
    messages: int
    conversations: int
    development_messages: int
    refitted: bool
    interpolation: ShareChoice | None = None
    resamples: int
    seed: int
    compared: Compared | None
    decided_at: AwareDatetime
