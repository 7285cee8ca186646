"""How far each partition has been read, kept in the transaction of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from console.store.errors import LeaseLostError
from console.store.progress_tables import Progress
from console.store.upsert import replace, table_of


@dataclass(frozen=True, slots=True)
class Spot:
    """Where reading a partition goes on.

    Attributes:
        topic_id: Kafka's, of the topic that the offset is of.
        record_ms: when Kafka wrote the last record that was taken.
    """

    topic_id: str
    next_offset: int
    record_ms: int | None = None


Spots = Mapping[tuple[str, int], Spot]


def stored_spots(connection: Connection) -> dict[tuple[str, int], Spot]:
    """All of them, by topic and partition."""
    rows = connection.execute(select(table_of(Progress))).mappings()
    return {
        (row["topic"], row["partition"]): Spot(row["topic_id"], row["next_offset"], row["record_ms"]) for row in rows
    }


def keep_spots(connection: Connection, before: Spots, after: Spots, now_ms: int) -> None:
    """Move on.

    Args:
        connection: in a transaction.
        before: what this process takes the database to hold; a partition that is not in it is read for the first time.
        after: what it is to hold.
        now_ms: the time.

    Raises:
        LeaseLostError: the database holds something else: another process has written.
    """
    found = stored_spots(connection)
    for place in after:
        known, expected = found.get(place), before.get(place)
        if (known and (known.topic_id, known.next_offset)) != (expected and (expected.topic_id, expected.next_offset)):
            topic, partition = place
            raise LeaseLostError(f"another process has stored records of {topic}, partition {partition}, meanwhile")
    rows = [
        {
            "topic": topic,
            "partition": partition,
            "topic_id": spot.topic_id,
            "next_offset": spot.next_offset,
            "record_ms": spot.record_ms,
            "updated_ms": now_ms,
        }
        for (topic, partition), spot in after.items()
    ]
    replace(connection, Progress, rows)
