"""Rules on recorded streams, in the store's own transactions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection

from console.alerts.evaluation import Alerts
from console.alerts.rules_file import parse_rules
from console.store.database import Database
from console.store.events import StoredEvent
from console.store.watch_tables import AlertOccurrence, AlertState, WebhookDelivery
from console.store.writer import WriterParts
from schemas.event import EmotionEvent
from tests.console.alerts.stream import events_of
from tests.console.store.making import START, Filler, rows_of

ANGRY = "{name: angry, kind: turns, label: anger, confidence: 0.8, turns: 3, cooldown_minutes: 5}"
SOUR = (
    "{name: sour, kind: turns, sentiment: negative, turns: 3, of: conversation, consecutive: false, within_minutes: 2}"
)
SHARE = "{name: share, kind: share, sentiment: negative, share: 0.4, minutes: 10, messages: 10, cooldown_minutes: 0}"
WEBHOOK = "webhooks: {team: {url: 'http://hooks.test', secret_env: S}}\n"
#: All messages are of long ago by the clock of this machine.
FOR_EVER_S = 1e12


def alerts(*rules: str) -> Alerts:
    text = "webhooks: {team: {url: 'http://hooks.test', secret_env: S}}\nrules:\n" + "".join(
        f"- {one}\n" for one in rules
    )
    return Alerts(parse_rules(text, "r"), FOR_EVER_S)


class NewEachTime:
    """As after a restart: nothing is known but what the database has."""

    def __init__(self, rules: Sequence[str]) -> None:
        self.rules = rules

    def stored(self, connection: Connection, events: Sequence[StoredEvent], now_ms: int) -> None:
        alerts(*self.rules).stored(connection, events, now_ms)


def store(database: Database, rules: Sequence[str], events: Sequence[EmotionEvent], at_once: int = 500) -> Filler:
    """In batches of a size, each by a process of its own, as far as the rules can tell."""
    filler = Filler(database, WriterParts(observers=[NewEachTime(rules)]))
    for start in range(0, len(events), at_once):
        filler.write(*events[start : start + at_once])
    return filler


def seen(database: Database) -> list[tuple[str, str | None, str]]:
    """Rule, speaker and event of each occurrence."""
    found = rows_of(database, AlertOccurrence)
    return [(one["rule"], one["speaker"], one["event_id"].rpartition(":")[2]) for one in found]


ANN_IS_ANGRY = ["ann anger 0.9", "bob joy 0.9", "ann anger 0.95", "ann anger 0.85", "ann anger 0.99"]


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_three_angry_turns_of_one_speaker_are_one_occurrence_however_they_are_read(
    either_database: Database, at_once: int
) -> None:
    store(either_database, [ANGRY], events_of(ANN_IS_ANGRY), at_once)
    (found,) = rows_of(either_database, AlertOccurrence)
    assert seen(either_database) == [("angry", "ann", "3")]
    assert (found["value"], found["threshold"], found["ended_ms"]) == (0.85, 0.8, None)
    assert found["title"] == "anger over 0.8 in 3 turns in a row of one speaker"
    assert [one.rpartition(":")[2] for one in found["facts"]["event_ids"]] == ["0", "2", "3"]
    assert found["seen_ms"] == round(START.timestamp() * 1000) + 60_000


NOT_THREE = {
    "two": ["ann anger 0.9", "ann anger 0.9"],
    "two speakers": ["ann anger 0.9", "bob anger 0.9", "ann anger 0.9", "bob anger 0.9"],
    "one is not sure enough": ["ann anger 0.9", "ann anger 0.8", "ann anger 0.9", "ann anger 0.9"],
    "another mood in between": ["ann anger 0.9", "ann anger 0.9", "ann joy 0.9", "ann anger 0.9"],
    "an outlier in between": ["ann anger 0.9", "ann anger 0.9", "ann - 0", "ann anger 0.9"],
}


@pytest.mark.parametrize("lines", NOT_THREE.values(), ids=NOT_THREE.keys())
def test_what_are_not_three_angry_turns_in_a_row_is_nothing(database: Database, lines: list[str]) -> None:
    store(database, [ANGRY], events_of(lines), at_once=1)
    assert seen(database) == []


def test_two_rooms_of_one_speaker_are_told_apart(database: Database) -> None:
    here = events_of(["ann anger 0.9"] * 2, conversation_id="here")
    there = events_of(["ann anger 0.9"] * 2, first=2, conversation_id="there")
    other = events_of(["ann anger 0.9"] * 2, first=4, conversation_id="here", tenant="umbrella")
    store(database, [ANGRY], [*here, *there, *other])
    assert seen(database) == []


def test_it_ends_and_comes_again_only_after_the_cooldown(either_database: Database) -> None:
    angry, glad = "ann anger 0.9", "ann joy 0.9"
    # At 20 s a turn: true at 40 s, over at 60 s; true again at 120 s, within the cooldown; and after it, at 340 s.
    store(either_database, [ANGRY], events_of([*[angry] * 3, glad, *[angry] * 3, glad, *[angry] * 20]), at_once=3)
    assert [event for _, _, event in seen(either_database)] == ["2", "17"]
    ended = [one["ended_ms"] for one in rows_of(either_database, AlertOccurrence)]
    assert ended == [round(START.timestamp() * 1000) + 60_000, None]


def test_turns_of_a_conversation_within_minutes_need_not_follow_each_other(database: Database) -> None:
    lines = ["ann anger 0.5", "bob joy 0.9", "bob sadness 0.5", "ann joy 0.9", "cem anger 0.5"]
    store(database, [SOUR], events_of(lines))
    assert seen(database) == [("sour", None, "4")]
    (found,) = rows_of(database, AlertOccurrence)
    assert found["conversation_id"] == "room"


def test_turns_that_are_too_far_apart_do_not_count_together(database: Database) -> None:
    store(database, [SOUR], events_of(["ann anger 0.5"] * 3, every_s=61))
    assert seen(database) == []


@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_a_share_is_of_the_last_minutes_and_needs_enough_messages(database: Database, at_once: int) -> None:
    quiet = ["ann joy 0.9"] * 6 + ["bob anger 0.9"] * 3  # 9 messages: too few
    lines = [*quiet, "bob joy 0.9", "bob anger 0.9", "bob anger 0.9"]  # 4 of 11, then 5 of 12
    store(database, [SHARE], events_of(lines), at_once)
    assert seen(database) == [("share", None, "11")]
    (found,) = rows_of(database, AlertOccurrence)
    assert found["value"] == pytest.approx(5 / 12)
    then = found["facts"].pop("definition")
    assert found["facts"] == {"messages": 12, "counted": 5, "minutes": 10}
    assert (then["kind"], then["share"]) == ("share", 0.4)
    assert (found["tenant"], found["conversation_id"]) == ("acme", None)


def test_a_share_forgets_what_is_older_than_its_minutes_and_ends(either_database: Database) -> None:
    bad = events_of(["ann anger 0.9"] * 12, every_s=10)
    good = events_of(["ann joy 0.9"] * 18, first=12, every_s=10)
    late = events_of(["ann joy 0.9"], first=400, every_s=10)
    filler = store(either_database, [SHARE], [*bad, *good])
    (found,) = rows_of(either_database, AlertOccurrence)
    # 12 of 30 are no more than 40 %.
    assert found["ended_ms"] == round(START.timestamp() * 1000) + 290_000
    filler.write(*late)
    (found,) = rows_of(either_database, AlertOccurrence)
    assert found["ended_ms"] is not None
    (state,) = rows_of(either_database, AlertState)
    assert len(state["state"]["minutes"]) == 1


def test_a_message_that_is_older_than_the_share_looks_back_counts_for_nothing(database: Database) -> None:
    now = events_of(["ann joy 0.9"] * 10, first=600)
    old = events_of(["ann anger 0.9"] * 10)
    store(database, [SHARE], [*now, *old])
    assert seen(database) == []


def test_events_that_are_read_again_add_nothing(database: Database) -> None:
    events = events_of(ANN_IS_ANGRY)
    filler = store(database, [ANGRY, SHARE], events[:3])
    before = rows_of(database, AlertState)
    filler.write(*events[:3])
    assert [one["state"] for one in rows_of(database, AlertState)] == [one["state"] for one in before]
    filler.write(*events)
    assert seen(database) == [("angry", "ann", "3")]


def test_a_store_that_is_filled_anew_gives_occurrences_the_same_keys(database: Database) -> None:
    events = events_of(ANN_IS_ANGRY)
    filler = store(database, [ANGRY], events, at_once=2)
    (first,) = rows_of(database, AlertOccurrence)
    with database.writing() as connection:
        for table in ("webhook_deliveries", "alert_occurrences", "alert_states", "event_details", "events"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 -- names of ours
    filler.write(*events)
    (again,) = rows_of(database, AlertOccurrence)
    assert again["occurrence_key"] == first["occurrence_key"]


def test_a_rule_that_is_changed_begins_anew(database: Database) -> None:
    events = events_of(["ann anger 0.9"] * 4)
    rules = [ANGRY]
    filler = store(database, rules, events[:2])
    rules[0] = ANGRY.replace("0.8", "0.7")
    filler.write(*events[2:])
    assert seen(database) == []


def test_webhooks_are_told_of_news_only(database: Database) -> None:
    rule = ANGRY.replace("turns: 3", "turns: 1, webhooks: [team]")
    observers = [alerts(rule)]
    filler = Filler(database, WriterParts(observers=observers))
    filler.write(*events_of(["ann anger 0.9"]))
    (delivery,) = rows_of(database, WebhookDelivery)
    assert (delivery["webhook"], delivery["state"], delivery["attempts"]) == ("team", "pending", 0)
    observers[0] = Alerts(parse_rules(f"{WEBHOOK}rules:\n- {rule}", "r"), 3_600.0)
    filler.write(*events_of(["bob anger 0.9"], first=1))
    assert len(seen(database)) == 2
    assert len(rows_of(database, WebhookDelivery)) == 1


def test_what_is_remembered_holds_no_text_and_goes_when_it_means_nothing(database: Database) -> None:
    filler = store(database, [ANGRY], events_of(["ann anger 0.9", "ann anger 0.9"], text="a secret"))
    (state,) = rows_of(database, AlertState)
    assert "secret" not in str(state)
    filler.write(*events_of(["ann joy 0.9"], first=2))
    assert rows_of(database, AlertState) == []


def test_the_longest_names_fit(either_database: Database) -> None:
    long: dict[str, Any] = {"tenant": "\U0001f600" * 256, "conversation_id": "\u65e5" * 256}
    events = events_of([f"{'x' * 256} anger 0.9"] * 3, **long)
    store(either_database, [ANGRY, SHARE], events)
    (found,) = rows_of(either_database, AlertOccurrence)
    assert found["tenant"] == long["tenant"]


def test_ids_grow_with_the_occurrences(database: Database) -> None:
    rule = ANGRY.replace("turns: 3", "turns: 1").replace("cooldown_minutes: 5", "cooldown_minutes: 0")
    store(database, [rule], events_of([f"{name} anger 0.9" for name in ("ann", "bob", "cem")]))
    ids = [one["id"] for one in rows_of(database, AlertOccurrence)]
    assert all(first < second for first, second in pairwise(ids))
