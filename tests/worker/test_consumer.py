"""The consumer on the real Kafka: every request ends as one event or one dead letter, in order."""

from collections.abc import Callable

import pytest

from schemas.dead_letter import DeadLetter
from tests.worker.fake_labelling import BROKEN, REFUSED, FakeLabeller, FakeLabelling
from tests.worker.kafka_rig import Rig, make_rejected, make_request, running

pytestmark = pytest.mark.kafka

MakeRig = Callable[..., Rig]


def test_every_request_gets_one_event_in_the_order_of_its_partition(rig: MakeRig) -> None:
    one = rig(partitions=3)
    one.publish(make_request(partition, offset) for offset in range(100) for partition in range(3))
    with running(one.settings(), FakeLabelling(FakeLabeller(delay_s=0.05))):
        seen = one.events(at_least=300)
    for partition in range(3):
        assert seen.offsets(partition) == list(range(100))
