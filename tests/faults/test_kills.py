"""Nothing lost, nothing doubled, order kept, windows as in an offline replay, whatever is killed when."""

import random
from itertools import zip_longest

import pytest

from prompts.parts import PartsBuilder
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.faults.campaign import freeze_at_points, kill_at_points, kill_at_random, kill_stores, lose_broker
from tests.faults.conftest import MakePipeline
from tests.faults.pipeline import STREAM_POINTS, WORKER_POINTS
from tests.faults.report import Report

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

POINTS = (*STREAM_POINTS, *WORKER_POINTS)
#: Points of both services at the same time.
PAIRS = tuple(zip_longest(STREAM_POINTS, WORKER_POINTS))


def test_killed_at_random_moments(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(kill_at_random(pipeline(9), builder, draw, records=2_000, times=5))
    assert row.counts["streams"] + row.counts["workers"] == row.times
    assert row.clean, row


def test_killed_at_each_named_point(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(kill_at_points(pipeline(9), builder, draw, POINTS, records=2_000))
    assert row.times == len(POINTS)
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_frozen_until_others_have_taken_over(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report
) -> None:
    row = report.add(freeze_at_points(pipeline(9), builder, draw, records=5_000, times_each=10))
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
def test_soak_broker_away_and_work_goes_on(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    kafka: EmbeddedKafka,
    *,
    clean: bool,
) -> None:
    row = report.add(lose_broker(pipeline(9), builder, draw, kafka, records=6_000, times=5, clean=clean))
    assert row.clean, row
    assert len(row.gone_on_s) == row.times
    assert max(row.gone_on_s) < 60, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_kafka_and_redis_killed(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    kafka: EmbeddedKafka,
    redis_server: EmbeddedRedis,
) -> None:
    row = report.add(kill_stores(pipeline(9), builder, draw, (kafka, redis_server), records=10_000, times=9))
    assert row.times == 9
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", ["1", "2", "3", "4", "5"])
def test_soak_killed_at_random_moments(
    pipeline: MakePipeline, builder: PartsBuilder, draw: random.Random, report: Report, part: str
) -> None:
    row = report.add(kill_at_random(pipeline(9), builder, draw, records=20_000, times=20, part=part))
    assert row.times >= 20
    assert all(row.counts.values()), row.counts
    assert row.clean, row


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("pair", PAIRS)
def test_soak_killed_at_named_points(
    pipeline: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    pair: tuple[str | None, str | None],
) -> None:
    points = [point for point in pair if point] * 20
    row = report.add(kill_at_points(pipeline(9), builder, draw, points, records=5_000))
    assert row.times == len(points)
    assert row.clean, row
