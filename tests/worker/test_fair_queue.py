"""Whose request is next: shares of the places, and the order of partitions."""

import random
from collections import Counter, defaultdict

import pytest

from worker.fair_queue import FairQueue


def _taken(queue: FairQueue[str], count: int) -> list[str]:
    found = [queue.take() for _ in range(count)]
    return [one[0] for one in found if one is not None]


def _flooded(*, fair: bool) -> FairQueue[str]:
    """Tenant a has 1,000 requests in a partition of its own; b and c then come with three each in theirs."""
    queue: FairQueue[str] = FairQueue()
    for tenant, count in (("a", 1_000), ("b", 3), ("c", 3)):
        for number in range(count):
            queue.put(f"{tenant}{number}", tenant if fair else "", tenant if fair else "")
    return queue


def test_a_flood_leaves_the_others_their_turns() -> None:
    assert _taken(_flooded(fair=True), 9) == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_without_shares_the_others_wait_for_all_of_the_flood() -> None:
    """The negative control: the same queue where nobody is told apart."""
    assert {one[0] for one in _taken(_flooded(fair=False), 1_000)} == {"a"}


def test_an_only_tenant_gets_every_place() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(10):
        queue.put(str(number), "a", "lane")
    assert _taken(queue, 12) == [str(number) for number in range(10)]
    assert len(queue) == 0


def test_places_are_shared_by_weight_and_by_how_long_they_are_held() -> None:
    queue: FairQueue[str] = FairQueue({"a": 3.0})
    for number in range(100):
        queue.put(f"a{number}", "a", "a")
        queue.put(f"b{number}", "b", "b")
    assert Counter(one[0] for one in _taken(queue, 8)) == {"a": 6, "b": 2}
    # b's answers take for ever: every place that gets free goes to a.
    for _ in range(20):
        queue.give_back("a")
        assert _taken(queue, 1)[0][0] == "a"


def test_a_turn_is_spent_on_what_stands_before_in_the_same_partition_and_paid_by_who_waits() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(20):
        for lane in range(9):
            queue.put(f"a{lane}", "a", lane)
    queue.put("b", "b", 3)
    order = _taken(queue, 60)
    # First come, first served, it would be the 181st. Half of the turns are b's, and work off its own partition.
    assert order.index("b") <= 41
    assert queue.tenants == 2
    assert order[: order.index("b")].count("a3") == 20


def test_who_has_more_than_a_share_of_what_waits_is_known() -> None:
    queue = _flooded(fair=True)
    _taken(queue, 3)
    assert [queue.over_share(tenant) for tenant in "abc"] == [True, False, False]
    queue.drop("a")
    # Of three and three, none is below its share; nor is a tenant on its own.
    assert [queue.over_share(tenant) for tenant in "bc"] == [True, True]
    queue.drop("c")
    assert queue.over_share("b")


def test_a_request_that_went_in_anothers_turn_does_not_put_its_tenant_over_its_share() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.put("b", "b", 0)
    queue.put("a", "a", 1)
    assert _taken(queue, 2) == ["b", "a"]
    queue.give_back("a")
    queue.put("b0", "b", 0)
    for number in range(9):
        queue.put(f"a{number}", "a", 0)
    # b still holds a place, so the turn is a's, and takes what stands before in the partition.
    assert queue.take() == ("b0", "a")
    queue.give_back("b")
    assert not queue.over_share("b")
    assert queue.over_share("a")


def test_a_partition_that_is_lost_is_forgotten() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(4):
        queue.put(f"a{number}", "a", number % 2)
        queue.put(f"b{number}", "b", 0)
    assert queue.drop(0) == ["a0", "b0", "b1", "a2", "b2", "b3"]
    assert list(queue.heads()) == ["a1"]
    assert _taken(queue, 5) == ["a1", "a3"]
    assert queue.tenants == 1
    queue.give_back("a")
    queue.give_back("a")
    assert queue.tenants == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_partitions_stay_in_order_and_no_place_stays_empty(seed: int) -> None:
    draw = random.Random(seed)
    queue: FairQueue[tuple[int, int]] = FairQueue({"t0": 2.5})
    put: Counter[int] = Counter()
    taken: defaultdict[int, list[int]] = defaultdict(list)
    held: list[str] = []
    for _ in range(3_000):
        if draw.random() < 0.5:
            lane = draw.randrange(5)
            queue.put((lane, put[lane]), f"t{draw.randrange(8)}", lane)
            put[lane] += 1
        elif held and draw.random() < 0.5:
            queue.give_back(held.pop(draw.randrange(len(held))))
        else:
            waiting = len(queue)
            turn = queue.take()
            assert (turn is None) == (waiting == 0)
            if turn is not None:
                (lane, number), tenant = turn
                taken[lane].append(number)
                held.append(tenant)
    for lane, numbers in taken.items():
        assert numbers == list(range(len(numbers))), lane
    assert sum(map(len, taken.values())) + len(queue) == sum(put.values())
    assert len(queue._heap) < 200
    for tenant in held:
        queue.give_back(tenant)
    while (turn := queue.take()) is not None:
        queue.give_back(turn[1])
    # Also those of whom everything went in others' turns.
    assert queue.tenants == 0
