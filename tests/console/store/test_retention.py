"""What is old goes, a few rows at a time; what was counted in hours and days stays; nothing old comes in again."""

from datetime import timedelta

from console.store.database import Database
from console.store.retention import remove_some
from console.store.tables import Bucket, Conversation, CurrentLabel, Event, EventDetail, LabelRecord
from console.store.writer import WriterParts
from tests.console.store.making import START, Filler, make_event, make_label, rows_of

_CUTOFF = round((START + timedelta(days=1)).timestamp() * 1000)
_LATE = START + timedelta(days=2)


def _remove_all(database: Database, cutoff_ms: int) -> int:
    """How many steps it took."""
    steps = 1
    while remove_some(database, cutoff_ms):
        steps += 1
    return steps


def test_old_events_go_with_all_that_names_them(database: Database) -> None:
    filler = Filler(database)
    old = [make_event(number, conversation_id="old") for number in range(450)]
    young = [make_event(1000 + number, conversation_id="young", sent_at=_LATE) for number in range(5)]
    for start in range(0, len(old), 150):
        filler.write(*old[start : start + 150])
    filler.write(*young, make_label(old[0], "anger"), make_label(young[0], "anger"))
    assert _remove_all(database, _CUTOFF) > 2
    assert {row["conversation_id"] for row in rows_of(database, Event)} == {"young"}
    assert len(rows_of(database, EventDetail)) == 5
    assert [row["conversation_id"] for row in rows_of(database, Conversation)] == ["young"]
    for mapped in (LabelRecord, CurrentLabel):
        assert [row["event_id"] for row in rows_of(database, mapped)] == [young[0].event_id]
    counted = {
        width: sum(row["events"] for row in rows_of(database, Bucket) if row["width_s"] == width)
        for width in (60, 86_400)
    }
    assert counted == {60: 5, 86_400: 455}


def test_a_label_whose_event_never_came_goes_too(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_label(make_event(0), "anger"))
    filler.write(make_label(make_event(1, sent_at=_LATE), "anger"))
    _remove_all(database, _CUTOFF)
    assert len(rows_of(database, LabelRecord)) == len(rows_of(database, CurrentLabel)) == 1


def test_what_the_retention_removed_is_not_taken_in_again(database: Database) -> None:
    filler = Filler(database, WriterParts(retention_days=1))
    filler.write(make_event(0))
    assert rows_of(database, Event) == rows_of(database, Bucket) == []
