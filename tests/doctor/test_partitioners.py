"""Hashes as the clients have them, and what a sample of messages tells."""

import random

import pytest

from sentistream.doctor.finding import Status
from sentistream.doctor.latest_records import Sample
from sentistream.doctor.partitioner_check import check_partitioner
from sentistream.doctor.partitioners import fnv1a, murmur2


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From Kafka's own UtilsTest.testMurmur2.
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
     (b"a-little-bit-longer-string", -1486304829), (b"abc", 479470107)],
)  # fmt: skip
def test_murmur2_is_javas(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0x7FFFFFFF


def test_fnv1a_is_the_published_one() -> None:
    assert fnv1a(b"a") == (1 << 32) - 0xE40C292C


def _samples(partitions: int, keys: range, offset: int = 0) -> list[Sample]:
    return [
        Sample(murmur2(b"c%d" % number) % partitions, offset + number, b"c%d" % number, b"{}", 0.0) for number in keys
    ]


def test_partitions_that_were_added_are_told_from_another_partitioner() -> None:
    grown = [*_samples(4, range(80)), *_samples(6, range(80), 1000)]
    (found,) = [one for one in check_partitioner(grown, 6) if one.check == "partitioner"]
    assert found.status is Status.WARN
    assert "of 4 partitions those written before" in found.found


def test_publishers_that_did_not_stop_meanwhile_are_no_growth() -> None:
    draw = random.Random(3)
    mixed = [Sample(draw.randrange(6), number, b"c%d" % (number % 50), b"{}", 0.0) for number in range(300)]
    (found,) = [one for one in check_partitioner(mixed, 6) if one.check == "partitioner"]
    assert found.status is Status.FAIL
    assert "mixed" in found.found


def test_messages_without_a_key_or_with_another_are_named() -> None:
    records = [Sample(0, 0, None, b"{}", 0.0), Sample(0, 1, b"user", b'{"conversation_id":"talk"}', 0.0)]
    checks = {one.check: one for one in check_partitioner(records, 1) if one.status is Status.FAIL}
    assert "1 of the latest 2 messages have no key" in checks["partitioner"].found
    assert "another key than their conversation" in checks["message keys"].found
    assert "talk" not in checks["message keys"].found
