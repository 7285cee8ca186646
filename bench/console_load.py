"""Synthetic events into an event store, as its writer takes them: tenants, languages, conversations, days."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.store.database import Database
from console.store.labels import PlacedLabel
from console.store.lease import WriterLease
from console.store.migrate import migrate
from console.store.progress import Spot, stored_spots
from console.store.rows import Place, PlacedEvent
from console.store.writer import Batch, Writer
from schemas.chat import Source
from schemas.event import Answer, Deduction, EmotionEvent, Round, Times, Usage
from schemas.taxonomy import load_taxonomy

BATCH = 500
DAYS = 14
TENANTS = ("acme", "globex", "initech", "umbrella")
LANGUAGES = ("en", "en", "en", "zh", "de")
_TURNS = 50
_OUTLIERS = 0.04
_DEDUCED = 0.25
_WORDS = "we said that this would be done by friday and now nobody knows where it is or who has it today".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Loaded:
    """Attributes: how many; how long their transactions took, each by itself."""

    events: int
    seconds: float
    transactions: tuple[float, ...]


def load(database: Database, count: int, seed: int = 7) -> Loaded:
    """Make and write so many; only the writing is timed.

    Args:
        database: may be empty or hold earlier ones, which stay.
        count: of events.
        seed: of what they are.
    """
    migrate(database)
    lease = WriterLease(database, 600)
    if not lease.take():
        raise SystemExit("another process writes to this store")
    writer = Writer(database, lease)
    with database.reading() as connection:
        spots = stored_spots(connection)
    took = []
    batch: list[PlacedEvent] = []
    for event in events(count, seed):
        batch.append(PlacedEvent(event, Place("bench", 0, event.source.offset)))
        if len(batch) == BATCH:
            took.append(write_batch(writer, batch, spots, "emotion.events"))
            batch = []
    if batch:
        took.append(write_batch(writer, batch, spots, "emotion.events"))
    lease.give_back()
    return Loaded(count, sum(took), tuple(took))


def events(count: int, seed: int) -> Iterator[EmotionEvent]:
    """In the order of their times, the last one sent now."""
    draw = random.Random(seed)
    names = [label.name for label in load_taxonomy("meld").labels]
    conversations = max(count // _TURNS, 1)
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / count
    for number in range(count):
        yield _event(draw, names, number, draw.randrange(conversations), begin + number * step)


def write_batch(
    writer: Writer, batch: Sequence[PlacedEvent | PlacedLabel], spots: dict[tuple[str, int], Spot], topic: str
) -> float:
    """Records of one topic in one transaction; the seconds that it took.

    Args:
        writer: of the store.
        batch: in the order of their offsets.
        spots: where reading stands, which moves on.
        topic: that they are of.
    """
    after = {(topic, 0): Spot("bench", batch[-1].place.offset + 1)}
    began = time.perf_counter()
    writer.write(Batch(batch, spots, after))
    took = time.perf_counter() - began
    spots.update(after)
    return took


def _event(draw: random.Random, names: list[str], number: int, conversation: int, sent: datetime) -> EmotionEvent:
    source = Source(topic_id="bench", partition=0, offset=number)
    masses = [draw.random() ** 4 for _ in names]
    scores = {name: round(mass / sum(masses), 4) for name, mass in zip(names, masses, strict=True)}
    best = max(scores, key=scores.__getitem__)
    label = None if draw.random() < _OUTLIERS else best
    decided = sent + timedelta(milliseconds=draw.uniform(40, 900))
    return EmotionEvent(
        event_id=source.event_id,
        message_id=f"message-{number}",
        conversation_id=f"conversation-{conversation}",
        tenant=TENANTS[conversation % len(TENANTS)],
        speaker=("ann", "ben", "cleo")[number % 3],
        text=" ".join(draw.choices(_WORDS, k=draw.randint(3, 25))),
        language=LANGUAGES[conversation % len(LANGUAGES)],
        status="labelled" if label else "outlier",
        label=label,
        sentiment=load_taxonomy("meld").sentiment(label, scores) if label else None,
        confidence=scores[best] if label else None,
        scores=scores,
        first_label=best if draw.random() < 0.9 else names[0],
        candidates=() if label else (best, names[0]),
        rounds=(Round(number=1, generator=Answer(label=best, scores=scores), discriminator=Answer(label=best)),),
        deduction=_deduction(draw) if draw.random() < _DEDUCED else None,
        taxonomy="meld",
        mode="direct",
        policy="calibrated",
        model="sentistream-enzh-37m",
        adapter=f"v{number * 5 // 1_000_000}",
        prompt_hash=f"{number:064x}",
        source=source,
        usage=Usage(model_calls=2, prompt_tokens=140, completion_tokens=2, model_seconds=0.05),
        times=Times(sent_at=sent, received_at=sent, requested_at=sent, taken_at=sent, decided_at=decided),
    )


def _deduction(draw: random.Random) -> Deduction:
    scenario, people, relationships = (" ".join(draw.choices(_WORDS, k=12)) for _ in range(3))
    return Deduction(scenario=scenario, people=people, relationships=relationships)
