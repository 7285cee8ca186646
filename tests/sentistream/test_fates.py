"""The ledger accounts for every record that was published, and for nothing else."""

from sentistream.fates import Ledger
from sentistream.publisher import Place
from sentistream.watcher import Observation
from tests.sentistream.synthetic import make_letter, observed


def test_a_record_is_missing_until_its_event_is_seen() -> None:
    ledger = Ledger()
    number = ledger.sent(10.0)
    ledger.delivered(number, Place(1, 7))
    assert ledger.missing == 1
    assert ledger.seen(observed(Place(1, 7), 10.25)) == number
    assert ledger.missing == 0
    assert ledger.fates[number].latency_s == 0.25


def test_a_dead_letter_is_a_fate_too() -> None:
    ledger = Ledger()
    ledger.delivered(ledger.sent(0.0), Place(0, 0))
    ledger.seen(Observation(Place(0, 0), 1.0, letter=make_letter(Place(0, 0))))
    assert ledger.missing == 0
    assert ledger.fates[0].letter is not None


def test_second_copies_are_counted_and_change_nothing() -> None:
    ledger = Ledger()
    ledger.delivered(ledger.sent(0.0), Place(0, 0))
    ledger.seen(observed(Place(0, 0), 1.0, "joy"))
    assert ledger.seen(observed(Place(0, 0), 2.0, "anger")) is None
    ledger.seen(Observation(Place(0, 0), 3.0, letter=make_letter(Place(0, 0))))
    assert ledger.duplicates == 2
    assert ledger.fates[0].seen_at == 1.0
    assert ledger.fates[0].event is not None
    assert ledger.fates[0].event.label == "joy"


def test_an_event_may_be_read_before_the_producer_hears_of_its_record() -> None:
    ledger = Ledger()
    number = ledger.sent(0.0)
    assert ledger.seen(observed(Place(2, 5), 0.5)) is None
    assert ledger.delivered(number, Place(2, 5))
    assert ledger.missing == 0
    assert ledger.fates[number].seen_at == 0.5


def test_what_others_published_is_not_ours() -> None:
    ledger = Ledger()
    assert ledger.seen(observed(Place(0, 1), 0.0)) is None
    ledger.delivered(ledger.sent(0.0), Place(0, 2))
    assert ledger.seen(observed(Place(0, 1), 1.0)) is None
    assert ledger.missing == 1
    assert ledger.duplicates == 0
