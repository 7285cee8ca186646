"""Nothing lost, nothing doubled, order kept, windows as in an offline replay, whatever is killed when."""

import random

import pytest

from prompts.parts import PartsBuilder
from tests.faults.campaign import kill_at_points, kill_at_random
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import STREAM_POINTS, WORKER_POINTS
from tests.faults.report import Report

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

POINTS = (*STREAM_POINTS, *WORKER_POINTS)


def test_killed_at_random_moments(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(kill_at_random(pipeline(9), builder, draw, records=2_000, times=5))
    assert row.fates.clean, row


def test_killed_at_each_named_point(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(kill_at_points(pipeline(9), builder, draw, POINTS, records=2_000))
    assert row.times == len(POINTS)
    assert row.fates.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_killed_at_random_moments(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(kill_at_random(pipeline(9), builder, draw, records=20_000, times=20))
    assert row.fates.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("point", POINTS)
def test_soak_killed_at_a_named_point(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, point: str
) -> None:
    row = report.add(kill_at_points(pipeline(9), builder, draw, [point] * 20, records=5_000))
    assert row.times >= 20
    assert row.fates.clean, row
