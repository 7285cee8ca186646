"""E is made once every few messages of a conversation, and memory is bounded."""

from schemas.event import Deduction
from worker.deductions import Deductions

FIRST = Deduction(scenario="a party", people="ann", relationships="friends")
SECOND = FIRST.model_copy(update={"scenario": "a quarrel"})


def test_it_is_made_anew_after_so_many_messages() -> None:
    kept = Deductions(every=3)
    assert kept.get("t", "c") is None
    kept.put("t", "c", FIRST)
    assert [kept.get("t", "c") for _ in range(3)] == [FIRST, FIRST, None]
    kept.put("t", "c", SECOND)
    assert kept.get("t", "c") == SECOND


def test_every_message_its_own_where_the_setting_says_so() -> None:
    kept = Deductions(every=1)
    kept.put("t", "c", FIRST)
    assert kept.get("t", "c") is None


def test_tenants_and_conversations_are_apart() -> None:
    kept = Deductions(every=5)
    kept.put("t", "c", FIRST)
    assert kept.get("u", "c") is None
    assert kept.get("t", "d") is None


def test_the_least_recently_used_goes_first() -> None:
    kept = Deductions(every=9, conversations=2)
    kept.put("t", "a", FIRST)
    kept.put("t", "b", FIRST)
    assert kept.get("t", "a") == FIRST
    kept.put("t", "c", FIRST)
    assert kept.get("t", "b") is None
    assert kept.get("t", "a") == FIRST
