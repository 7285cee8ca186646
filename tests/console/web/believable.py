"""Believable answers of the API, made from its own models: the views are tested on them without a store."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.api import models as m
from schemas.event import Answer, Deduction, Round, Usage
from schemas.taxonomy import Sentiment, built_in

MELD = built_in()["meld"]
SAID = {
    "joy": ["The parcel is here and it is perfect!", "太好了，谢谢你！", "haha that made my day 😂🎉"],
    "anger": ["You said Friday. It is Monday.", "I have told you three times already!", "这已经是第三次了！"],
    "sadness": ["I really hoped it would work this time.", "我有点难过。", "She left without a word."],
    "fear": ["What if they close the account?", "I don't dare to look."],
    "disgust": ["That is just gross.", "The box smells awful."],
    "surprise": ["Wait, what? Already?", "真的吗？！"],
    "neutral": [
        "The order number is 4417.",
        "I will send the form tomorrow.",
        "好的，明天见。",
        "Is it open on Sunday?",
    ],
}
WEIGHTS = {"neutral": 9, "joy": 5, "anger": 3, "sadness": 2, "surprise": 2, "fear": 1, "disgust": 1}
SPEAKERS = ["ana", "ben", "小梅", "omar"]
VALENCE: dict[Sentiment | None, float] = {"positive": 0.8, "negative": -0.8, "neutral": 0.0, None: 0.0}


def scores_for(draw: random.Random, label: str, confidence: float) -> dict[str, float]:
    """A probability for every label; ``label`` has the confidence."""
    rest = {one.name: draw.random() for one in MELD.labels if one.name != label}
    total = sum(rest.values())
    return {label: confidence} | {name: (1 - confidence) * part / total for name, part in rest.items()}


def event(number: int, sent_at: datetime, *, text: str | None = None, conversation: str | None = None) -> m.EventDetail:
    """The event of this number; the same one every time."""
    draw = random.Random(number)
    room = number // 24
    said_label = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    outlier = draw.random() < 0.05
    flipped = not outlier and draw.random() < 0.08
    confidence = round(draw.uniform(0.35, 0.99), 3)
    scores = scores_for(draw, said_label, confidence)
    label = None if outlier else said_label
    words = text if text is not None else draw.choice(SAID[said_label])
    sentiment = None if label is None else MELD.sentiment(label, scores)
    latency = round(draw.uniform(35, 240), 1)
    first = draw.choice([name for name in WEIGHTS if name != said_label]) if flipped else said_label
    language = "zh" if any("一" <= letter <= "鿿" for letter in words) else "en"
    turn = Answer(label=said_label, scores=scores)
    rounds = (Round(number=1, generator=Answer(label=first, scores=scores_for(draw, first, 0.5)), discriminator=turn),)
    return m.EventDetail(
        sequence=number,
        event_id=f"fQ3sVb5dQm2xvC0a9Tg1Wg:{number % 6}:{number}",
        message_id=f"m-{number}",
        conversation_id=conversation or f"room-{room}",
        tenant="shop" if room % 4 else "clinic",
        speaker=SPEAKERS[number % 2 + 2 * (room % 3 == 0)],
        text=words,
        language=language,
        status="outlier" if outlier else "labelled",
        label=label,
        model_label=label,
        sentiment=sentiment,
        confidence=None if outlier else confidence,
        valence=None if outlier else round(VALENCE[sentiment] * confidence, 3),
        first_label=first,
        flipped=flipped,
        corrected=False,
        my_label=None,
        label_count=0,
        taxonomy="meld",
        model="sentistream-enzh-37m",
        adapter="20260301T031500Z-3f2a" if number % 3 else None,
        mode="direct",
        policy="paper",
        degraded=draw.random() < 0.02,
        replay=False,
        sent_at=sent_at,
        decided_at=sent_at + timedelta(milliseconds=latency),
        latency_ms=latency,
        scores=scores,
        candidates=(said_label, first if flipped else "neutral") if outlier else (),
        rounds=(*rounds, Round(number=2, generator=turn, discriminator=turn)) if flipped else rounds,
        deduction=Deduction(
            scenario="a parcel is late, and the buyer has asked before",
            people="ana waits for it, ben works for the shop",
            relationships="customer and seller, a little tense",
        ),
        usage=Usage(model_calls=2, prompt_tokens=83, completion_tokens=2, model_seconds=latency / 4000),
        prompt_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        steps=m.StepTimes(transport=8, window=9, queue=latency / 3, model=latency / 2),
        labels=(),
    )


def row(detail: m.EventDetail) -> m.EventRow:
    """The same event as lists have it."""
    return m.EventRow.model_validate(detail.model_dump())


@dataclass(frozen=True, slots=True)
class World:
    """Events and all that is made from them."""

    now: datetime
    events: tuple[m.EventDetail, ...]

    @property
    def empty(self) -> bool:
        """Nothing ever happened."""
        return not self.events


def world(count: int = 240) -> World:
    """``count`` events of the last hour, the oldest first."""
    now = datetime.now(UTC)
    step = timedelta(hours=1) / max(count, 1)
    return World(now, tuple(event(number, now - step * (count - number)) for number in range(1, count + 1)))


def taxonomies(of: World, own: tuple[str, ...] = ()) -> m.Taxonomies:
    """All label sets, and one with these labels if there are any."""
    infos = [
        m.TaxonomyInfo(
            name=one.name,
            title=one.title,
            labels=tuple(m.LabelInfo(**label.model_dump()) for label in one.labels),
        )
        for one in built_in().values()
    ]
    if own:
        labels = tuple(m.LabelInfo(**MELD.labels[0].model_dump() | {"name": name}) for name in own)
        infos.append(m.TaxonomyInfo(name="own", title="A platform's own", labels=labels))
    used = {} if of.empty else {"in_use": ("meld",), "tenants": ("clinic", "shop"), "languages": ("en", "zh")}
    return m.Taxonomies.model_validate(
        {"taxonomies": tuple(infos), "in_use": (), "tenants": (), "languages": ()} | used
    )


def counts(events: tuple[m.EventDetail, ...]) -> dict[str, object]:
    """What `Counts` asks for."""
    labelled = [one for one in events if one.label]
    labels: dict[str, int] = {}
    sentiments: dict[str, int] = {}
    for one in labelled:
        labels[str(one.label)] = labels.get(str(one.label), 0) + 1
        sentiments[str(one.sentiment)] = sentiments.get(str(one.sentiment), 0) + 1
    return {
        "events": len(events),
        "labelled": len(labelled),
        "outliers": sum(one.status == "outlier" for one in events),
        "unsupported": 0,
        "flips": sum(one.flipped for one in events),
        "corrected": sum(one.corrected for one in events),
        "labels": labels,
        "shares": {name: count / len(labelled) for name, count in labels.items()},
        "sentiments": sentiments,
        "negative_share": sentiments.get("negative", 0) / len(labelled) if labelled else 0,
        "confidence": 0.71 if labelled else None,
        "latency_ms": sum(one.latency_ms for one in events) / len(events) if events else None,
    }


def trends(of: World) -> m.Trends:
    """The last hour by minutes."""
    since = of.now - timedelta(hours=1)
    starts = [since + timedelta(minutes=minute) for minute in range(60)]
    buckets = [
        counts(tuple(one for one in of.events if start <= one.sent_at < start + timedelta(minutes=1)))
        | {"start": start}
        for start in starts
    ]

    def groups(field: str) -> list[dict[str, object]]:
        names = sorted({getattr(one, field) for one in of.events})
        return [
            counts(tuple(one for one in of.events if getattr(one, field) == name)) | {"name": name} for name in names
        ]

    return m.Trends.model_validate(
        {
            "since": since,
            "until": of.now,
            "bucket_seconds": 60,
            "buckets": buckets,
            "totals": counts(of.events),
            "by_tenant": groups("tenant"),
            "by_language": groups("language"),
        }
    )


def conversation(of: World, name: str) -> m.ConversationRow:
    """One conversation."""
    turns = tuple(one for one in of.events if one.conversation_id == name)
    found = counts(turns)
    last = turns[-1]
    rising = round(random.Random(name).uniform(-0.3, 0.6), 2)
    return m.ConversationRow.model_validate(
        {
            "conversation_id": name,
            "tenant": last.tenant,
            "language": last.language,
            "turns": len(turns),
            "outliers": found["outliers"],
            "flips": found["flips"],
            "corrected": found["corrected"],
            "negative_share": found["negative_share"],
            "recent_negative": 0.4,
            "rising": rising,
            "last_label": last.label,
            "last_sentiment": last.sentiment,
            "last_speaker": last.speaker,
            "first_at": turns[0].sent_at,
            "last_at": last.sent_at,
        }
    )


def conversations(of: World) -> list[m.ConversationRow]:
    """All of them, the latest first."""
    names = dict.fromkeys(one.conversation_id for one in reversed(of.events))
    return [conversation(of, name) for name in names]
