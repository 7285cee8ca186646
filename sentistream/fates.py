"""What became of each published record: seen once, seen again, or still missing."""

from dataclasses import dataclass, field

from schemas.dead_letter import DeadLetter
from schemas.event import EmotionEvent
from sentistream.publisher import Place
from sentistream.watcher import Observation


@dataclass(slots=True)
class Fate:
    """One record's way.

    Attributes:
        sent_at: when it was handed to the producer, in monotonic seconds, as all times here.
        place: None until Kafka confirmed it.
        seen_at: when its event or dead letter could first be read.
        copies: events and dead letters for it; one is right.
    """

    sent_at: float
    place: Place | None = None
    seen_at: float | None = None
    event: EmotionEvent | None = None
    letter: DeadLetter | None = None
    copies: int = 0

    @property
    def latency_s(self) -> float | None:
        """From the producer's queue to a reader's hands."""
        return None if self.seen_at is None else self.seen_at - self.sent_at


@dataclass(slots=True)
class Ledger:
    """Accounts for every record of one run, by its number."""

    fates: list[Fate] = field(default_factory=list)
    _places: dict[Place, int] = field(default_factory=dict)
    _early: dict[Place, list[Observation]] = field(default_factory=dict)
    _seen: int = 0

    @property
    def missing(self) -> int:
        """Records without a fate so far."""
        return len(self.fates) - self._seen

    @property
    def duplicates(self) -> int:
        """Events and dead letters past the first of their record."""
        return sum(max(fate.copies - 1, 0) for fate in self.fates)

    def sent(self, at: float) -> int:
        """A record goes out; its number."""
        self.fates.append(Fate(at))
        return len(self.fates) - 1

    def delivered(self, number: int, place: Place) -> bool:
        """Kafka gave it a place; True if its fate was read even before that."""
        self.fates[number].place = place
        self._places[place] = number
        early = self._early.pop(place, [])
        for observation in early:
            self._note(number, observation)
        if len(self._places) == len(self.fates):
            # Nothing is on its way: what is left was somebody else's.
            self._early.clear()
        return bool(early)

    def seen(self, observation: Observation) -> int | None:
        """An event or dead letter was read; the record's number if it is ours and this is the first."""
        number = self._places.get(observation.place)
        if number is None:
            if len(self._places) < len(self.fates):
                self._early.setdefault(observation.place, []).append(observation)
            return None
        return number if self._note(number, observation) else None

    def _note(self, number: int, observation: Observation) -> bool:
        fate = self.fates[number]
        fate.copies += 1
        if fate.copies > 1:
            return False
        fate.seen_at, fate.event, fate.letter = observation.at, observation.event, observation.letter
        self._seen += 1
        return True
