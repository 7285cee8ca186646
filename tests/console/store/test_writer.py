"""Each event once, with all that is counted of it; each person's last word; on both databases."""

import pytest
from sqlalchemy import text

from console.store.database import Database
from console.store.errors import LeaseLostError
from console.store.lease import WriterLease
from console.store.progress import Spot
from console.store.rows import Place, PlacedEvent
from console.store.tables import (
    AdapterCount,
    Bucket,
    Conversation,
    CurrentLabel,
    Event,
    EventDetail,
    LabelRecord,
)
from console.store.writer import Batch, Writer
from tests.console.store.making import Filler, make_event, make_label, rows_of


def _picture(database: Database) -> dict[str, list[dict[str, object]]]:
    """All that must not change when records come again."""
    return {
        one.__tablename__: rows_of(database, one) for one in (Event, EventDetail, Bucket, Conversation, AdapterCount)
    }


def _minutes(database: Database) -> dict[str, int]:
    return {row["label"]: row["events"] for row in rows_of(database, Bucket) if row["width_s"] == 60 and row["events"]}


def test_an_event_is_stored_with_what_is_counted(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0, label="joy"), make_event(1, label=None), make_event(2, label="anger", first_label="joy"))
    events = rows_of(database, Event)
    assert [row["id"] for row in events] == [1, 2, 3]
    assert [row["review_order"] for row in events] == [0.8, -1.0, 0.8]
    assert [row["flip"] for row in events] == [False, False, True]
    assert _minutes(database) == {"joy": 1, "": 1, "anger": 1}
    (conversation,) = rows_of(database, Conversation)
    counted = {name: conversation[name] for name in ("turns", "outliers", "flips", "negative", "positive")}
    assert counted == {"turns": 3, "outliers": 1, "flips": 1, "negative": 1, "positive": 1}
    assert conversation["rising"] > 0
    assert sum(row["events"] for row in rows_of(database, AdapterCount)) == 3


def test_a_record_that_comes_again_changes_nothing(database: Database) -> None:
    filler = Filler(database)
    filler.write(*[make_event(number) for number in range(5)])
    before = _picture(database)
    filler.write(*[make_event(number) for number in range(5)])
    filler.write(make_event(4), make_event(4))
    assert _picture(database) == before


def test_a_topic_made_anew_brings_nothing_twice(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0), make_event(1))
    before = _picture(database)
    again = [PlacedEvent(make_event(number), Place("another-topic", 0, number)) for number in range(2)]
    filler.write_placed(again)
    assert _picture(database) == before


def test_a_correction_shows_at_once_and_can_be_taken_back(database: Database) -> None:
    filler = Filler(database)
    event = make_event(0, label="joy", scores={"joy": 0.8, "anger": 0.2})
    filler.write(event)
    before = _picture(database)
    filler.write(make_label(event, "anger"))
    (row,) = rows_of(database, Event)
    assert (row["label"], row["current_label"], row["current_sentiment"]) == ("joy", "anger", "negative")
    assert (row["corrected"], row["label_count"], row["valence"]) == (True, 1, -1.0)
    assert _minutes(database) == {"anger": 1}
    (conversation,) = rows_of(database, Conversation)
    assert (conversation["corrected"], conversation["negative"], conversation["last_label"]) == (1, 1, "anger")
    filler.write(make_label(event, None, after_s=61))
    after = _picture(database)
    assert {name: [row for row in rows if row.get("events") != 0] for name, rows in after.items()} == {
        name: [row | ({"id": after[name][number]["id"]} if "id" in row else {}) for number, row in enumerate(rows)]
        for name, rows in before.items()
    }
    assert len(rows_of(database, LabelRecord)) == 2


def test_the_last_word_counts_whoever_said_it(database: Database) -> None:
    filler = Filler(database)
    event = make_event(0)
    filler.write(event, make_label(event, "anger", by="ben"), make_label(event, "sadness", by="cleo", after_s=70))
    assert rows_of(database, Event)[0]["current_label"] == "sadness"
    # What was given earlier and comes later is no last word.
    filler.write(make_label(event, "neutral", by="cleo", after_s=65))
    assert rows_of(database, Event)[0]["current_label"] == "sadness"
    filler.write(make_label(event, None, by="cleo", after_s=80))
    assert rows_of(database, Event)[0]["current_label"] == "anger"
    assert {row["labelled_by"]: row["label"] for row in rows_of(database, CurrentLabel)} == {
        "ben": "anger",
        "cleo": None,
    }


def test_a_label_may_come_before_its_event(database: Database) -> None:
    filler = Filler(database)
    event = make_event(0)
    filler.write(make_label(event, "anger"))
    filler.write(event)
    (row,) = rows_of(database, Event)
    assert (row["current_label"], row["label_count"]) == ("anger", 1)
    assert rows_of(database, LabelRecord)[0]["tenant"] == rows_of(database, CurrentLabel)[0]["tenant"] == "acme"
    assert _minutes(database) == {"anger": 1}


def test_agreeing_with_the_model_is_a_review_and_no_correction(database: Database) -> None:
    filler = Filler(database)
    event = make_event(0)
    filler.write(event, make_label(event, "joy"))
    (row,) = rows_of(database, Event)
    assert (row["label_count"], row["corrected"], row["current_label"]) == (1, False, "joy")


def test_a_label_that_the_taxonomy_does_not_have_changes_no_event(database: Database) -> None:
    filler = Filler(database)
    event = make_event(0)
    filler.write(event, make_label(event, "../../etc/passwd"))
    assert rows_of(database, Event)[0]["current_label"] == "joy"


@pytest.mark.parametrize("hostile", ["nul \x00 inside", "<script>alert(1)</script>", "\u202eevil", "👩‍👩‍👧‍👦" * 500])
def test_whatever_a_person_types_is_stored(database: Database, hostile: str) -> None:
    filler = Filler(database)
    filler.write(make_event(0, text=hostile, scores={"joy": 1.0}))
    assert rows_of(database, Event)[0]["text"] == hostile.replace("\x00", "\ufffd")


def test_a_record_that_the_database_refuses_takes_no_other_with_it(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0), make_event(1, usage={"model_seconds": 1e300}), make_event(2))
    assert {row["message_id"] for row in rows_of(database, Event)} == {"m0", "m2"}
    assert _minutes(database) == {"joy": 2}


def test_a_writer_that_lost_its_lease_writes_nothing(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0))
    with database.writing() as connection:
        connection.execute(text("UPDATE leases SET token = token + 1"))
    with pytest.raises(LeaseLostError):
        filler.write(make_event(1))
    assert len(rows_of(database, Event)) == 1


def test_offsets_that_another_moved_stop_the_transaction(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0))
    stale = Batch(
        [PlacedEvent(make_event(1), Place("events-topic", 0, 1))], {}, {("events", 0): Spot("events-topic", 2)}
    )
    with pytest.raises(LeaseLostError, match="partition 0"):
        filler.writer.write(stale)
    assert len(rows_of(database, Event)) == 1


def test_a_second_writer_stands_by_until_the_first_gives_way(database: Database) -> None:
    first, second = WriterLease(database, 60), WriterLease(database, 60)
    assert first.take()
    assert not second.take()
    first.give_back()
    assert second.take()
    with database.writing() as connection, pytest.raises(LeaseLostError):
        first.renew(connection)


def test_a_silent_writer_makes_room_and_is_fenced(database: Database) -> None:
    silent = WriterLease(database, 60)
    assert silent.take()
    with database.writing() as connection:
        connection.execute(text("UPDATE leases SET expires_ms = 1"))
    awake = WriterLease(database, 60)
    assert awake.take()
    with pytest.raises(LeaseLostError):
        Writer(database, silent).write(Batch((), {}, {}))
