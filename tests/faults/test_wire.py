"""The broker's word does not arrive: nothing lost, nothing doubled, whichever half of it got lost."""

import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompts.parts import PartsBuilder
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from schemas.topics import topics as all_topics
from sentistream.embedded import EmbeddedRedis
from sentistream.topics import create_topics
from tests.faults.checker import check
from tests.faults.conftest import MakePipeline
from tests.faults.kafka_proxy import KafkaProxy, Lost, ProxiedKafka, Wire
from tests.faults.pipeline import Pipeline
from tests.faults.report import Report
from tests.faults.wire import lose_ends, lose_one_end
from tests.streams.stream_rig import StreamRig

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

_ENDS: list[tuple[Lost, Wire]] = [
    ("answer", "cut"),
    ("answer", "silent"),
    ("request", "cut"),
    ("request", "silent"),
]


@pytest.fixture(scope="session")
def proxied_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedKafka]:
    with ProxiedKafka(tmp_path_factory.mktemp("proxied-kafka")) as server:
        yield server


@pytest.fixture
def proxy(proxied_kafka: ProxiedKafka) -> Iterator[KafkaProxy]:
    with KafkaProxy(proxied_kafka.proxy, proxied_kafka.behind_proxy) as one:
        yield one


@pytest.fixture
def proxied(
    proxied_kafka: ProxiedKafka, redis_server: EmbeddedRedis, model: Path, tmp_path: Path, draw: random.Random
) -> Iterator[MakePipeline]:
    """As `pipeline`, on the broker that has a proxy."""
    made: list[Pipeline] = []

    def make(partitions: int) -> Pipeline:
        names = TopicNames(topic_prefix=f"test-{secrets.token_hex(4)}.")
        connection = KafkaSettings(kafka_bootstrap_servers=proxied_kafka.bootstrap_servers)
        create_topics(connection, all_topics(names, "embedded", partitions))
        rig = StreamRig(proxied_kafka.bootstrap_servers, redis_server.url, names, model)
        made.append(Pipeline(rig, partitions, tmp_path, draw))
        return made[-1]

    yield make
    for one in made:
        one.kill_all()


@pytest.mark.soak
@pytest.mark.parametrize("what", _ENDS, ids="-".join)
def test_soak_the_end_of_a_transaction_gets_lost(
    proxied: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    proxy: KafkaProxy,
    what: tuple[Lost, Wire],
) -> None:
    row = report.add(lose_ends(proxied(6), builder, draw, proxy, what, records=4_000, times=10))
    assert row.times == 10
    assert row.clean, row


_CONTROLS: list[tuple[Lost, str]] = [("request", "believe"), ("answer", "retry")]


@pytest.mark.soak
@pytest.mark.parametrize(("lost", "careless"), _CONTROLS)
def test_soak_control_an_unknown_outcome_taken_for_known(
    proxied: MakePipeline,
    builder: PartsBuilder,
    draw: random.Random,
    report: Report,
    proxy: KafkaProxy,
    lost: Lost,
    careless: str,
) -> None:
    one = proxied(3)
    row = lose_one_end(one, draw, proxy, lost, careless, records=300)
    row = report.add(row.model_copy(update={"fates": check(one.rig, builder, 3)}))
    assert row.fates is not None
    assert (row.fates.lost > 0, row.fates.doubled > 0) == (careless == "believe", careless == "retry"), row
