"""Kafka and the registry of a console that is measured: they answer at once, with as much as a busy platform has."""

from datetime import UTC, datetime, timedelta
from typing import Final

from console.api.models.adapters import Decision, GateLabel, GateRule, GateSummary
from console.api.models.dead_letters import ReplayAttempt, ReplayOrder
from console.errors import PortError
from console.ports import AdapterState, GroupLag, Letter, PublishedAdapter
from schemas.dead_letter import DeadLetterReason
from schemas.feedback import EmotionLabel
from schemas.taxonomy import load_taxonomy

_VERSIONS: Final = 20
_LETTERS: Final = 2_000
_REASONS: Final[tuple[DeadLetterReason, ...]] = ("not_json", "invalid", "empty", "too_old")


class Outside:
    """Everything outside of the store; nothing is written there."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def send(self, label: EmotionLabel) -> tuple[int, int]:
        """Nobody labels here."""
        raise PortError(f"no label of {label.event_id} is taken here")

    def state(self) -> AdapterState:
        """A version each day, all released."""
        versions = tuple(self._version(number) for number in range(_VERSIONS))
        decisions = tuple(
            Decision(
                version=one.version, status="released", previous=one.parent, reason=None, by_gate=True,
                decided_at=one.made_at,
            )
            for one in versions
        )  # fmt: skip
        return AdapterState("sentistream-enzh-37m", versions, decisions, decisions[-1])

    def release(self, version: str, reason: str) -> Decision:
        """Nobody releases here."""
        raise PortError(f"no {version} here: {reason}")

    def roll_back(self, to: str | None, reason: str) -> Decision:
        """Nobody does here."""
        raise PortError(f"no {to} here: {reason}")

    def letters(self) -> list[Letter]:
        """Of some reasons."""
        return [
            Letter(
                place=f"0:{number}",
                reason=_REASONS[number % len(_REASONS)],
                detail="record: Invalid JSON: expected value",
                failed_at=self._now - timedelta(minutes=_LETTERS - number),
                topic="chat.messages",
                partition=0,
                offset=number * 7,
                event_id=None,
                size=55,
                replayed=number % 5 == 0,
            )
            for number in range(_LETTERS)
        ]

    def replay(self, order: ReplayOrder) -> list[ReplayAttempt]:
        """Nobody replays here."""
        raise PortError(f"nothing is replayed here: {order.places}")

    def lags(self) -> list[GroupLag]:
        """A little behind."""
        return [
            GroupLag("streams", "sentistream-streams", "chat.messages", 2, 12, 0.1),
            GroupLag("worker", "sentistream-worker", "sanm.requests", 4, 90, 0.4),
            GroupLag("store", "sentistream-console", "emotion.events", None, 50, 0.2),
        ]

    def _version(self, number: int) -> PublishedAdapter:
        made_at = self._now - timedelta(days=_VERSIONS - number)
        parent = f"v{number - 1}" if number else None
        names = [label.name for label in load_taxonomy("meld").labels]
        gate = GateSummary(
            released=True,
            reasons=(),
            rules=tuple(
                GateRule(name=name, passed=True, text="as asked") for name in ("enough", "better", "no_label_lost")
            ),
            against=parent or "sentistream-enzh-37m",
            against_base=parent is None,
            messages=1_000,
            policy="calibrated",
            live={"weighted_f1": 0.58},
            candidate={"weighted_f1": 0.59},
            labels=tuple(GateLabel(name=name, support=100, live_f1=0.5, candidate_f1=0.51) for name in names),
            decided_at=made_at,
        )
        return PublishedAdapter(f"v{number}", made_at, parent, {"weighted_f1": 0.59}, gate)
