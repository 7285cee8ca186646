"""The rules that the demo brings: a newcomer's Alerts has something to show."""

from datetime import timedelta

from console.alerts.evaluation import Alerts
from console.alerts.rules_file import load_rules
from console.store.database import Database
from console.store.watch_tables import AlertOccurrence
from console.store.writer import WriterParts
from schemas.event import EmotionEvent
from schemas.taxonomy import load_taxonomy
from sentistream.commands.demo import DemoSettings
from sentistream.console_child import DEMO_RULES
from sentistream.script import sample
from tests.console.store.making import START, Filler, make_event, rows_of

RULES = load_rules(DEMO_RULES)


def as_people_hear_it() -> list[EmotionEvent]:
    """The sample's messages in English at the demo's rate, each with the label that people gave it."""
    sentiments = {label.name: label.sentiment for label in load_taxonomy("meld").labels}
    every = [line for line in sample() if line.is_message]
    return [
        make_event(
            number,
            sent_at=START + timedelta(seconds=number / DemoSettings().rate),
            conversation_id=line.conversation,
            speaker=line.speaker,
            text=line.text,
        ).model_copy(update={"label": line.label, "first_label": line.label, "sentiment": sentiments[line.label]})
        for number, line in enumerate(every)
        if line.label is not None
    ]


def test_the_bundled_sample_sets_off_every_rule_and_not_all_the_time(database: Database) -> None:
    events = as_people_hear_it()
    Filler(database, WriterParts(observers=[Alerts(RULES, 1e12)])).write(*events)
    found = [one["rule"] for one in rows_of(database, AlertOccurrence)]
    assert set(found) == {rule.name for rule in RULES.rules}
    assert len(found) < len(events) / 5


def test_they_tell_nobody() -> None:
    assert not RULES.webhooks
