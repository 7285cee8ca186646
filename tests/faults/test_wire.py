"""The broker's word does not arrive: nothing lost, nothing doubled, whichever half of it got lost."""

import random

import pytest

from prompts.parts import PartsBuilder
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.kafka_proxy import KafkaProxy, Lost, Wire
from tests.faults.report import Report
from tests.faults.wire import lose_ends, lose_one_end

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_ENDS: list[tuple[Lost, Wire]] = [
    ("answer", "cut"),
    ("answer", "silent"),
    ("request", "cut"),
    ("request", "silent"),
]
_CONTROLS: list[tuple[Lost, str]] = [("request", "believe"), ("answer", "retry")]


@pytest.mark.soak
@pytest.mark.parametrize("what", _ENDS, ids="-".join)
def test_soak_the_end_of_a_transaction_gets_lost(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    proxy: KafkaProxy,
    what: tuple[Lost, Wire],
) -> None:
    row = report.add(lose_ends(pipeline(6), builder, draw, proxy, what, records=2_500, times=10))
    assert row.times == 10
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.parametrize(("lost", "careless"), _CONTROLS)
def test_soak_control_an_unknown_outcome_taken_for_known(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    proxy: KafkaProxy,
    lost: Lost,
    careless: str,
) -> None:
    one = pipeline(3)
    row = lose_one_end(one, draw, proxy, lost, careless, records=300)
    row = report.add(row.model_copy(update={"fates": check(one.rig, builder, 3)}))
    assert row.fates is not None
    assert (row.fates.lost > 0, row.fates.doubled > 0) == (careless == "believe", careless == "retry"), row
