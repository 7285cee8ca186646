"""Webhooks over real HTTP: told at least once, known by the key, signed, and given up in the end."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from console.alerts.evaluation import Alerts
from console.alerts.rules_file import parse_rules
from console.alerts.sender import WebhookSender
from console.alerts.settings import AlertSettings
from console.alerts.webhook import Webhook
from console.store.database import Database
from console.store.watch_tables import AlertOccurrence, WebhookDelivery
from console.store.writer import WriterParts
from tests.console.alerts.receiver import SECRET, Receiver
from tests.console.alerts.stream import events_of
from tests.console.store.making import Filler, rows_of
from tests.waiting import wait_for

RULES = """
webhooks:
  team: {url: "http://unused.test", secret_env: RECEIVERS_SECRET}
  others: {url: "http://unused.test", secret_env: RECEIVERS_SECRET}
rules:
- {name: angry, kind: turns, label: anger, turns: 1, cooldown_minutes: 0, webhooks: [team]}
- {name: sad, kind: turns, label: sadness, turns: 1, cooldown_minutes: 0, webhooks: [others]}
"""
TEXT = "what somebody said"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVERS_SECRET", SECRET)


@pytest.fixture
def store(database: Database) -> Database:
    return database


def happened(store: Database, *lines: str) -> None:
    """Each line is an occurrence."""
    observers = [Alerts(parse_rules(RULES, "r"), 1e12)]
    Filler(store, WriterParts(observers=observers)).write(*events_of(lines, text=TEXT))


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def sender(
    store: Database, clock: Clock | None = None, *, text: bool = False, timeout: float = 5.0, **urls: str
) -> WebhookSender:
    webhooks = {name: Webhook(url=url, secret_env="RECEIVERS_SECRET", text=text) for name, url in urls.items()}
    return WebhookSender(store, webhooks, AlertSettings(alert_timeout_seconds=timeout), clock or Clock())


def states(store: Database) -> list[tuple[Any, ...]]:
    return [(one["state"], one["attempts"], one["last_error"]) for one in rows_of(store, WebhookDelivery)]


def test_a_receiver_that_fails_twice_is_told_until_it_takes_it(store: Database) -> None:
    happened(store, "ann anger 0.9")
    clock = Clock()
    with Receiver(answers=[500, 503]) as receiver:
        one = sender(store, clock, team=receiver.url)
        assert one.send_due() == 0
        assert states(store) == [("pending", 1, "HTTP 500")]
        assert one.send_due() == 0  # not yet
        clock.now += 2
        assert one.send_due() == 0
        assert states(store) == [("pending", 2, "HTTP 503")]
        clock.now += 4
        assert one.send_due() == 1
        assert one.send_due() == 0
    assert states(store) == [("sent", 3, None)]
    assert [told.answered for told in receiver.told] == [500, 503, 200]
    assert len({told.key for told in receiver.told}) == 1
    assert all(told.genuine for told in receiver.told)


def test_a_process_that_dies_before_it_knows_tells_again_under_the_same_key(store: Database) -> None:
    happened(store, "ann anger 0.9")
    (occurrence,) = rows_of(store, AlertOccurrence)
    with Receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-m", "tests.console.alerts.sender_child", str(store.engine.url.database), receiver.url],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            timeout=60,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        assert len(receiver.told) == 1
        assert states(store) == [("pending", 1, None)]
        clock = Clock()
        clock.now += 60
        assert sender(store, clock, team=receiver.url).send_due() == 1
    assert [told.key for told in receiver.told] == [occurrence["occurrence_key"]] * 2
    assert receiver.known == {occurrence["occurrence_key"]}
    assert states(store) == [("sent", 2, None)]


def test_what_is_sent_names_rule_and_place_and_the_text_only_where_that_is_asked_for(store: Database) -> None:
    happened(store, "ann anger 0.9", "bob anger 0.9")
    with Receiver(answers=[200]) as receiver:
        sender(store, team=receiver.url).send_due()
        plain = receiver.told[0].body
    assert (plain["rule"], plain["speaker"], plain["conversation_id"]) == ("angry", "ann", "room")
    assert plain["occurred_at"].startswith("2026-03-01T12:00:00")
    assert TEXT not in str([told.body for told in receiver.told])


def test_a_webhook_that_asks_for_the_text_gets_it(store: Database) -> None:
    happened(store, "ann anger 0.9")
    with Receiver() as receiver:
        sender(store, text=True, team=receiver.url).send_due()
    assert receiver.told[0].body["text"] == TEXT


def test_a_receiver_may_ask_to_be_left_alone(store: Database) -> None:
    happened(store, "ann anger 0.9", "bob anger 0.9")
    clock = Clock()
    with Receiver(answers=[429], headers={"Retry-After": "120"}) as receiver:
        one = sender(store, clock, team=receiver.url)
        one.send_due()
        clock.now += 100
        one.send_due()
        assert len(receiver.told) == 1
        clock.now += 30
        assert one.send_due() == 2


def test_one_that_does_not_answer_holds_up_no_other(store: Database) -> None:
    happened(store, *["ann anger 0.9"] * 5, "bob sadness 0.9")
    with Receiver() as receiver:
        # Nobody listens there.
        one = sender(store, team="http://127.0.0.1:9", others=receiver.url)
        assert one.send_due() == 1
    assert [state for state, attempts, _ in states(store) if attempts] == ["pending", "sent"]
    assert states(store)[0][2] == "no answer: ConnectError"


def test_after_a_day_it_is_given_up(store: Database) -> None:
    happened(store, "ann anger 0.9")
    clock = Clock()
    clock.now += 25 * 3_600
    with Receiver(answers=[500]) as receiver:
        sender(store, clock, team=receiver.url).send_due()
    assert states(store) == [("given_up", 1, "HTTP 500")]


def test_a_secret_or_a_webhook_that_is_gone_is_said_and_waited_for(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(store, "ann anger 0.9", "bob sadness 0.9")
    monkeypatch.delenv("RECEIVERS_SECRET")
    sender(store, team="http://127.0.0.1:9").send_due()
    first, second = states(store)
    assert first[2] == "the variable RECEIVERS_SECRET is not set: set it to what requests are signed with"
    assert second[2] == "the rules' file has no webhook of this name any more"


def test_a_redirect_is_no_yes(store: Database) -> None:
    happened(store, "ann anger 0.9")
    with Receiver(answers=[302], headers={"Location": "http://127.0.0.1:9"}) as receiver:
        sender(store, team=receiver.url).send_due()
    assert states(store) == [("pending", 1, "HTTP 302")]


def test_the_thread_tells_by_itself_and_ends_when_told(store: Database) -> None:
    with Receiver() as receiver:
        webhooks = {"team": Webhook(url=receiver.url, secret_env="RECEIVERS_SECRET")}
        one = WebhookSender(store, webhooks, AlertSettings())
        one.start()
        happened(store, "ann anger 0.9")
        wait_for(lambda: [state for state, _, _ in states(store)] == ["sent"], "the delivery")
        one.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "webhooks"]
