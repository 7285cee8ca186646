"""What people said of the model's answers: one verdict for each event, the first, which never changes.

A test that may be looked at after every verdict must not have verdicts that change when it was looked at. So a later
label of the same event, by the same person or another, changes nothing here; training uses them all. Events without a
label (outliers) have no verdict: there is nothing to correct.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's word on one event.

    Attributes:
        at: Kafka's time of the label, seconds since 1970.
        adapter: the version that had answered; None for the base model.
        corrected: the person chose another label than the model.
    """

    at: float
    adapter: str | None
    corrected: bool
    conversation: str


class Verdicts:
    """Collects them.

    Args:
        remembered: events that are kept for labels to come; a label of an older one is taken at its own word.
    """

    def __init__(self, remembered: int = 200_000) -> None:
        self._remembered = remembered
        self._events: OrderedDict[str, tuple[str | None, str | None]] = OrderedDict()
        self._asked: dict[str, tuple[str | None, str | None]] = {}
        self._judged: set[str] = set()
        self.all: list[Verdict] = []

    def expect(self, event_ids: Iterable[str]) -> None:
        """These events will be asked for, however old they are."""
        self._asked.update(dict.fromkeys(event_ids, (None, None)))

    def add_event(self, event: EmotionEvent) -> None:
        """What the model said, and which version."""
        if event.event_id in self._asked:
            self._asked[event.event_id] = (event.label, event.adapter)
            return
        self._events[event.event_id] = (event.label, event.adapter)
        if len(self._events) > self._remembered:
            self._events.popitem(last=False)

    def add_label(self, label: EmotionLabel, at: float) -> Verdict | None:
        """The verdict that a label is; None where it is none, or not the event's first."""
        if label.label is None or label.event_id in self._judged:
            return None
        asked = self._asked.pop(label.event_id, (None, None))
        said, adapter = asked if asked[0] is not None else self._events.get(label.event_id, (None, None))
        if said is None:
            said, adapter = label.model_label, label.adapter
        if said is None:
            return None
        self._judged.add(label.event_id)
        verdict = Verdict(at, adapter, label.label != said, label.conversation_id)
        self.all.append(verdict)
        return verdict


def beside(
    verdicts: Sequence[Verdict], new: str | None, old: str | None, released_at: datetime
) -> tuple[list[bool], list[bool]]:
    """Whether each verdict on the new version, and on the old, was a correction, in the order in which they are paired.

    The new version's come as they came. The old version's are those before the release, the latest first, and then what
    people still say of its events. Of a conversation only one verdict a day counts on each side: one person who goes
    through a conversation makes many that hang together, and the test's error rate needs them not to.

    Args:
        verdicts: in any order.
        new: the live version.
        old: the one before it; None for the base model.
        released_at: when the new one became live.
    """
    release = released_at.timestamp()
    ordered = sorted(verdicts, key=lambda one: one.at)
    before = [one for one in reversed(ordered) if one.adapter == old and one.at < release]
    after = [one for one in ordered if one.adapter == old and one.at >= release]
    return (
        _one_a_day([one for one in ordered if one.adapter == new and one.at >= release]),
        _one_a_day([*before, *after]),
    )


def _one_a_day(verdicts: Iterable[Verdict]) -> list[bool]:
    seen: set[tuple[str, int]] = set()
    kept = []
    for one in verdicts:
        place = (one.conversation, datetime.fromtimestamp(one.at, UTC).toordinal())
        if place not in seen:
            seen.add(place)
            kept.append(one.corrected)
    return kept
