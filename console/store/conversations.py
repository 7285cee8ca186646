"""Conversations as a whole: counters, last turn, and whether it is turning worse.

How negative a turn is, from 0 to 1, is its valence below 0. ``recent_negative`` follows it within a few turns,
``usual_negative`` within some tens (exponential moving averages from 0); their difference is ``rising``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from console.store.tables import Conversation, Event
from console.store.upsert import replace, table_of

_RECENT: Final = 0.4
_USUAL: Final = 0.05
#: A conversation is counted anew after a correction; of the averages, turns before these have no say.
_AVERAGED: Final = 200
_AT_ONCE: Final = 400

Key = tuple[str, str]


def add_turns(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Count new events, in their order."""
    found = _stored(connection, {_key(row) for row in rows})
    for row in rows:
        found[_key(row)] = _with_turn(found.get(_key(row)) or _empty(row), row)
    replace(connection, Conversation, list(found.values()), key=("tenant", "conversation_id"))


def count_anew(connection: Connection, keys: Iterable[Key]) -> None:
    """After corrections: what these change, from the events that are there.

    Turns that retention has removed keep their counts in ``turns``, ``outliers`` and ``flips``.
    """
    events = table_of(Event)
    changed = []
    for key, before in _stored(connection, set(keys)).items():
        columns = [events.c[name] for name in _TURN]
        mine = (events.c.tenant == key[0]) & (events.c.conversation_id == key[1])
        rows = [dict(row) for row in connection.execute(select(*columns).where(mine).order_by(events.c.id)).mappings()]
        if not rows:
            continue
        anew = _empty(rows[-1])
        for row in rows[-_AVERAGED:]:
            anew = _with_turn(anew, row)
        counted = {
            "corrected": sum(row["corrected"] for row in rows),
            "negative": sum(row["current_sentiment"] == "negative" for row in rows),
            "positive": sum(row["current_sentiment"] == "positive" for row in rows),
        }
        kept = {name: before[name] for name in ("turns", "outliers", "flips", "first_ms", "last_ms")}
        changed.append({**anew, **counted, **kept})
    replace(connection, Conversation, changed, key=("tenant", "conversation_id"))


_TURN: Final = (
    "tenant",
    "conversation_id",
    "language",
    "speaker",
    "sent_ms",
    "status",
    "flip",
    "corrected",
    "current_label",
    "current_sentiment",
    "valence",
)


def _key(row: Mapping[str, Any]) -> Key:
    return row["tenant"], row["conversation_id"]


def _stored(connection: Connection, keys: set[Key]) -> dict[Key, dict[str, Any]]:
    table = table_of(Conversation)
    columns = [one for one in table.columns if one.name != "id"]
    found = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        # Not pairs: SQLite reads the whole table for those.
        tenants, ids = ({key[place] for key in some} for place in (0, 1))
        among = table.c.tenant.in_(sorted(tenants)) & table.c.conversation_id.in_(sorted(ids))
        for row in map(dict, connection.execute(select(*columns).where(among)).mappings()):
            if _key(row) in keys:
                found[_key(row)] = row
    return found


def _empty(row: Mapping[str, Any]) -> dict[str, Any]:
    counters = dict.fromkeys(("turns", "outliers", "flips", "corrected", "negative", "positive"), 0)
    averages = dict.fromkeys(("recent_negative", "usual_negative", "rising"), 0.0)
    times = {"first_ms": row["sent_ms"], "last_ms": row["sent_ms"]}
    return {"tenant": row["tenant"], "conversation_id": row["conversation_id"], **times, **counters, **averages}


def _with_turn(before: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    recent, usual = before["recent_negative"], before["usual_negative"]
    if row["valence"] is not None:
        negative = max(0.0, -row["valence"])
        recent += _RECENT * (negative - recent)
        usual += _USUAL * (negative - usual)
    return {
        **before,
        "language": row["language"],
        "first_ms": min(before["first_ms"], row["sent_ms"]),
        "last_ms": max(before["last_ms"], row["sent_ms"]),
        "last_speaker": row["speaker"],
        "last_label": row["current_label"],
        "last_sentiment": row["current_sentiment"],
        "turns": before["turns"] + 1,
        "outliers": before["outliers"] + (row["status"] == "outlier"),
        "flips": before["flips"] + bool(row["flip"]),
        "corrected": before["corrected"] + bool(row["corrected"]),
        "negative": before["negative"] + (row["current_sentiment"] == "negative"),
        "positive": before["positive"] + (row["current_sentiment"] == "positive"),
        "recent_negative": recent,
        "usual_negative": usual,
        "rising": recent - usual,
    }
