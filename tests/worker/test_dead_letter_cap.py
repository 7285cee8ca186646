"""The cap on the share of dead letters."""

import pytest

from worker.dead_letters import DeadLetterCap
from worker.errors import TooManyDeadLettersError
from worker.records import Outcome

EVENT = Outcome("event")
DEAD = Outcome("dead_letter", reason="not_json")


def test_a_share_at_the_cap_is_allowed_and_one_above_is_not() -> None:
    cap = DeadLetterCap(0.5, 10)
    for _ in range(20):
        cap.count(DEAD)
        cap.count(EVENT)
    cap.count(EVENT)
    cap.count(DEAD)
    cap.count(DEAD)
    with pytest.raises(TooManyDeadLettersError, match="6 of the last 10"):
        cap.count(DEAD)


def test_a_few_records_are_not_judged() -> None:
    cap = DeadLetterCap(0.5, 10)
    for _ in range(9):
        cap.count(DEAD)


def test_a_share_of_one_never_stops() -> None:
    cap = DeadLetterCap(1.0, 10)
    for _ in range(100):
        cap.count(DEAD)
