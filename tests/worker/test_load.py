"""More than can be answered at once, on the real Kafka: shares of the tenants, the maximum age, the depth."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from schemas.dead_letter import DeadLetter
from tests.waiting import wait_for
from tests.worker.fake_labelling import FakeLabeller, FakeLabelling
from tests.worker.kafka_rig import Rig, make_request, running
from worker.model_side import ModelSide

pytestmark = pytest.mark.kafka

MakeRig = Callable[..., Rig]


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"sentistream_worker_{name}", labels) or 0.0


def _publish_flood(one: Rig) -> None:
    """300 of one tenant, before the worker starts: they are fetched together."""
    one.publish(make_request(0, offset, tenant="flood") for offset in range(300))


def _publish_few(one: Rig) -> None:
    """Three of each of two other tenants, in partitions of their own."""
    one.publish(make_request(partition, offset, tenant=f"t{partition}") for offset in range(3) for partition in (1, 2))


def _order_of_places(one: Rig, labeller: FakeLabeller) -> list[int]:
    """The partitions of all 306, in the order in which they had a place."""
    seen = one.events(at_least=306)
    assert seen.offsets(0) == list(range(300))
    assert seen.offsets(1) == seen.offsets(2) == [0, 1, 2]
    return [int(call.split(":")[1]) for call in labeller.calls]


def test_a_flooded_partition_is_held_back_and_the_other_tenants_take_turns(rig: MakeRig) -> None:
    one = rig(partitions=3)
    labeller = FakeLabeller()
    labeller.stuck = True
    _publish_flood(one)
    with running(one.settings(max_in_flight=4), FakeLabelling(labeller)):
        wait_for(lambda: _metric("held_back_partitions") == 1, "the flooded partition is held back")
        assert _metric("in_flight") == 4
        waiting = _metric("waiting")
        _publish_few(one)
        wait_for(lambda: _metric("tenants") == 3, "they are taken all the same")
        wait_for(lambda: _metric("waiting") == waiting + 6, "all of them")
        labeller.stuck = False
        asked = _order_of_places(one, labeller)
    # Four were asked before; then every place that gets free goes to whoever holds fewest.
    assert asked[:4] == [0] * 4
    assert set(asked[20:]) == {0}


def test_without_shares_the_other_tenants_stand_behind_the_flood(rig: MakeRig) -> None:
    """The negative control of the test above."""
    one = rig(partitions=3)
    # Nothing is stuck here: a worker that is full for long pauses, and fetches all partitions anew.
    labeller = FakeLabeller(delay_s=0.02)
    _publish_flood(one)
    with running(one.settings(max_in_flight=4, fair_shares=False), FakeLabelling(labeller)):
        wait_for(lambda: len(labeller.calls) >= 4, "every place is the flood's")
        _publish_few(one)
        asked = _order_of_places(one, labeller)
    assert {1, 2} <= set(asked[20:])


def test_a_stop_leaves_what_waits_for_a_place_to_the_next_worker(rig: MakeRig) -> None:
    one = rig()
    labeller = FakeLabeller()
    labeller.stuck = True
    one.publish(make_request(0, offset) for offset in range(50))
    with running(one.settings(max_in_flight=5, stop_seconds=30.0), FakeLabelling(labeller)) as worker:
        wait_for(lambda: _metric("waiting") >= 30, "many wait")
        worker.service.stop()
        wait_for(lambda: _metric("waiting") == 0, "what waits is given up")
        labeller.stuck = False
    assert one.events(at_least=5).offsets(0) == list(range(5))
    assert one.committed()[0].offset == 5
    with running(one.settings()):
        assert one.events(at_least=50).offsets(0) == list(range(50))


def test_what_is_too_old_gets_a_dead_letter_that_the_cap_does_not_count(rig: MakeRig) -> None:
    one = rig()
    now = datetime.now(UTC)
    old = now - timedelta(hours=1)
    one.publish(make_request(0, offset, logged_at=old if offset < 60 else now) for offset in range(70))
    before = _metric("aged_total", how="dead-letter")
    with running(one.settings(max_age_seconds=600.0, dead_letter_window=20)):
        seen = one.events(at_least=10)
        dead = one.dead_letters(at_least=60)
    assert seen.offsets(0) == list(range(60, 70))
    letters = [DeadLetter.from_headers(message.headers()) for message in dead.messages]
    assert {letter.reason for letter in letters} == {"too_old"}
    assert sorted(letter.source.offset for letter in letters if letter.source) == list(range(60))
    assert letters[0].detail.endswith("MAX_AGE_SECONDS is 600")
    assert _metric("aged_total", how="dead-letter") == before + 60


def test_what_is_too_old_is_answered_by_one_pass_where_that_is_wanted(rig: MakeRig) -> None:
    one = rig()
    now = datetime.now(UTC)
    old = now - timedelta(hours=1)
    one.publish(make_request(0, offset, logged_at=now if offset % 2 else old) for offset in range(20))
    settings = one.settings(
        max_age_seconds=600.0, aged="one-pass", engine="scripted", sanm_policy="paper", scripted_delay_seconds=0.0
    )
    side = ModelSide(settings)
    side.tokenizer = "t"
    with running(settings, side):
        seen = one.events(at_least=20)
    assert seen.offsets(0) == list(range(20))
    assert [event.policy for event in seen.events] == ["one-pass", "paper"] * 10
    assert {event.usage.model_calls for event in seen.events[::2]} == {1}
    assert min(event.usage.model_calls for event in seen.events[1::2]) >= 2


def test_the_depth_falls_while_a_backlog_builds_up_and_comes_back_when_it_is_worked_off(rig: MakeRig) -> None:
    one = rig()
    settings = one.settings(
        max_in_flight=4,
        engine="scripted",
        scripted_delay_seconds=0.05,
        scripted_jitter=False,
        sanm_depth="adaptive",
        depth_calibrated_lag_seconds=0.4,
        depth_one_pass_lag_seconds=0.8,
        depth_hold_seconds=0.5,
    )
    side = ModelSide(settings)
    side.tokenizer = "t"
    with running(settings, side):
        wait_for(lambda: _metric("partitions") == 1, "it has its partition")
        assert _metric("depth", policy="paper") == 1
        one.publish(make_request(0, offset) for offset in range(180))
        wait_for(lambda: _metric("depth", policy="one-pass") == 1, "the depth falls")
        one.events(at_least=180)
        wait_for(lambda: _metric("depth", policy="paper") == 1, "the depth comes back")
        one.publish(make_request(0, offset) for offset in range(180, 185))
        seen = one.events(at_least=185)
    assert seen.offsets(0) == list(range(185))
    policies = [event.policy for event in seen.events]
    assert policies[0] == "paper"
    assert "one-pass" in policies[:180]
    assert policies[180:] == ["paper"] * 5
