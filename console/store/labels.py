"""People's labels: each record once, each person's last word, and what they make of an event.

An event's current label is the last word of whoever spoke last; when everybody has taken theirs back, it is the
model's again. Later is what was given later; at the same time, what stands later in the topic.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from console.store.conversations import Key
from console.store.counts import Counts
from console.store.rows import Place, Taxonomies, milliseconds, sentiment_of, storable, valence
from console.store.tables import CurrentLabel, Event, EventDetail, LabelRecord
from console.store.upsert import replace, table_of
from schemas.feedback import EmotionLabel

_POLES: Final = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label and the record that carried it."""

    label: EmotionLabel
    place: Place


def keep_labels(connection: Connection, placed: Sequence[PlacedLabel]) -> set[str]:
    """Store records that are new; returns the events that they speak of."""
    fresh = _unknown(connection, placed)
    if not fresh:
        return set()
    tenants = _tenants(connection, {one.label.event_id for one in fresh})
    table = table_of(LabelRecord)
    rows = [_record(one, tenants.get(one.label.event_id)) for one in fresh]
    statement = table.insert().returning(table.c.id, sort_by_parameter_order=True)
    ids = connection.execute(statement, rows).scalars().all()
    _keep_last_words(connection, [{**row, "record_id": id_} for row, id_ in zip(rows, ids, strict=True)])
    return {row["event_id"] for row in rows}


def standing(connection: Connection, event_ids: Collection[str]) -> dict[str, list[Mapping[str, Any]]]:
    """By event, the labels that were not taken back; the last word of all at the end."""
    table = table_of(CurrentLabel)
    mine = select(table).where(table.c.event_id.in_(sorted(event_ids)), table.c.label.is_not(None))
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in connection.execute(mine.order_by(table.c.labelled_ms, table.c.record_id)).mappings():
        found.setdefault(row["event_id"], []).append(dict(row))
    return found


def judged(
    row: Mapping[str, Any], words: Sequence[Mapping[str, Any]], scores: dict[str, float], sets: Taxonomies
) -> dict[str, Any]:
    """What people's labels make of an event: the columns of `Event` that depend on them.

    Args:
        row: the event as it is.
        words: standing labels, the last word at the end; those that its taxonomy does not have count as reviews only.
        scores: the model's.
        sets: where labels are looked up.
    """
    taxonomy = sets.find(row["taxonomy"])
    usable = [(one["label"], found) for one in words if (found := sentiment_of(one["label"], scores, taxonomy))]
    model = {
        "current_label": row["label"],
        "current_sentiment": row["sentiment"],
        "valence": valence(scores, row["sentiment"], taxonomy),
        "corrected": False,
    }
    if usable:
        label, sentiment = usable[-1]
        if label != row["label"]:
            model = {
                "current_label": label,
                "current_sentiment": sentiment,
                "valence": _POLES[sentiment],
                "corrected": True,
            }
    return {**model, "label_count": len(words)}


def apply_labels(connection: Connection, event_ids: Collection[str], counts: Counts, sets: Taxonomies) -> set[Key]:
    """Let events say what people say; returns the conversations that this changed.

    Args:
        connection: in a transaction.
        event_ids: whose labels may have changed; events that are not there yet are left for when they come.
        counts: take the change along.
        sets: where labels are looked up.
    """
    if not event_ids:
        return set()
    events, details = table_of(Event), table_of(EventDetail)
    joined = select(events, details.c.scores).join(details, details.c.id == events.c.id)
    mine = joined.where(events.c.event_id.in_(sorted(event_ids)))
    rows = [dict(row) for row in connection.execute(mine).mappings()]
    words = standing(connection, event_ids)
    changed, keys = [], set()
    for row in rows:
        now = judged(row, words.get(row["event_id"], ()), row["scores"], sets)
        if all(row[name] == value for name, value in now.items()):
            continue
        counts.add(row, -1)
        counts.add({**row, **now})
        changed.append({"of_id": row["id"], **now})
        keys.add((row["tenant"], row["conversation_id"]))
    if changed:
        columns: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != "of_id"}
        connection.execute(update(events).where(events.c.id == bindparam("of_id")).values(columns), changed)
    return keys


def name_tenants(connection: Connection, tenants: Mapping[str, str]) -> None:
    """Labels that came before their events now learn whose they are.

    Args:
        connection: in a transaction.
        tenants: by event.
    """
    for mapped in (LabelRecord, CurrentLabel) if tenants else ():
        table = table_of(mapped)
        mine = update(table).where(table.c.event_id == bindparam("of_event"), table.c.tenant.is_(None))
        connection.execute(
            mine.values(tenant=bindparam("of_tenant")),
            [{"of_event": event, "of_tenant": tenant} for event, tenant in tenants.items()],
        )


def _unknown(connection: Connection, placed: Sequence[PlacedLabel]) -> list[PlacedLabel]:
    table = table_of(LabelRecord)
    places = {one.place: one for one in placed}
    known = set()
    for topic_id, partition in {(one.topic_id, one.partition) for one in places}:
        offsets = sorted(one.offset for one in places if (one.topic_id, one.partition) == (topic_id, partition))
        mine = (table.c.topic_id == topic_id) & (table.c.partition == partition) & table.c.offset.in_(offsets)
        found = connection.execute(select(table.c.offset).where(mine)).scalars()
        known |= {Place(topic_id, partition, offset) for offset in found}
    return [one for place, one in places.items() if place not in known]


def _tenants(connection: Connection, event_ids: Collection[str]) -> dict[str, str]:
    table = table_of(Event)
    found = connection.execute(select(table.c.event_id, table.c.tenant).where(table.c.event_id.in_(sorted(event_ids))))
    return {row.event_id: row.tenant for row in found}


def _record(placed: PlacedLabel, tenant: str | None) -> dict[str, Any]:
    label, place = placed.label, placed.place
    return {
        "event_id": storable(label.event_id),
        "tenant": tenant,
        "conversation_id": label.conversation_id,
        "message_id": label.message_id,
        "taxonomy": storable(label.taxonomy),
        "label": None if label.label is None else storable(label.label),
        "labelled_by": label.labelled_by,
        "labelled_ms": milliseconds(label.labelled_at),
        "model_label": label.model_label,
        "adapter": label.adapter,
        "topic_id": place.topic_id,
        "partition": place.partition,
        "offset": place.offset,
    }


def _keep_last_words(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        person = (row["event_id"], row["labelled_by"])
        if person not in last or row["labelled_ms"] >= last[person]["labelled_ms"]:
            last[person] = row
    table = table_of(CurrentLabel)
    mine = table.c.event_id.in_(sorted({event_id for event_id, _ in last}))
    before = {
        (row["event_id"], row["labelled_by"]): row["labelled_ms"]
        for row in connection.execute(select(table).where(mine)).mappings()
    }
    names = [one.name for one in table.columns]
    later = [row for person, row in last.items() if row["labelled_ms"] >= before.get(person, row["labelled_ms"])]
    replace(connection, CurrentLabel, [{name: row[name] for name in names} for row in later])
