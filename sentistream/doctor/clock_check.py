"""This machine's clock against the broker's and against that of Redis."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.cimpl import NewTopic
from redis.exceptions import NoPermissionError, RedisError

from sentistream.doctor.cluster import Cluster
from sentistream.doctor.deployment import Deployment
from sentistream.doctor.finding import Finding, fail, ok, unchecked, warn
from trainer.lock import connect

_TIMEOUT_S: Final = 15.0
#: Seconds apart: windows' session gaps and the metrics of lag are a little wrong; records get refused.
_NOTABLE_S: Final = 2.0
_WRONG_S: Final = 60.0
_TO_DO: Final = "Let an NTP client set the clocks of this machine and of the servers."


def check_broker_clock(deployment: Deployment, cluster: Cluster) -> Iterator[Finding]:
    """By the time that the broker gives a record of a topic that is made for it; nothing else tells its clock."""
    if not deployment.doctor.doctor_clock_probe:
        return
    name = f"{deployment.streams.topic_prefix}doctor.clock-{secrets.token_hex(4)}"
    topic = NewTopic(name, num_partitions=1, config={"message.timestamp.type": "LogAppendTime"})
    try:
        cluster.admin.create_topics([topic], request_timeout=_TIMEOUT_S)[name].result(_TIMEOUT_S)
    except KafkaException as error:
        yield unchecked(
            "clock of kafka",
            f"the topic {name} was not made: {error.args[0].str()}",
            "Give this user Create on the prefix, or set DOCTOR_CLOCK_PROBE=false.",
        )
        return
    try:
        apart = _measure(deployment.clock, lambda: _append_time(cluster, name))
    except KafkaException as error:
        yield unchecked("clock of kafka", error.args[0].str(), "Give this user Write on the prefix.")
    else:
        yield _judge("clock of kafka", apart)
    finally:
        cluster.admin.delete_topics([name], request_timeout=_TIMEOUT_S)[name].result(_TIMEOUT_S)


def check_redis_clock(deployment: Deployment) -> Iterator[Finding]:
    """By its command TIME."""
    client: Any = connect(deployment.streams)
    options = {"target_nodes": "random"} if deployment.streams.redis_cluster else {}

    def ask() -> float:
        seconds, microseconds = client.time(**options)
        return float(seconds + microseconds / 1e6)

    try:
        client.ping()
        yield _judge("clock of redis", _measure(deployment.clock, ask))
    except NoPermissionError:
        yield unchecked("clock of redis", "this user may not ask TIME", "Add +time to its rights.")
    except (RedisError, OSError) as error:
        yield unchecked("clock of redis", str(error), "Look at Redis's log.")
    finally:
        client.close()


def _measure(clock: Callable[[], float], ask: Callable[[], float]) -> float:
    """Seconds that our clock is ahead; 0 where the answer's own way may be all of it."""
    before = clock()
    there = ask()
    after = clock()
    return before - there if before > there else after - there if after < there else 0.0


def _judge(check: str, apart: float) -> Finding:
    found = f"this machine's clock is {abs(apart):.1f} s {'ahead' if apart > 0 else 'behind'}"
    if abs(apart) > _WRONG_S:
        return fail(check, found, _TO_DO)
    if abs(apart) > _NOTABLE_S:
        return warn(check, found, _TO_DO)
    return ok(check, "no difference that could be measured" if not apart else found)


def _append_time(cluster: Cluster, topic: str) -> float:
    """What the broker's clock said when it took a record, in seconds since 1970."""
    told = threading.Event()
    answer: list[Any] = []

    def report(error: Any, message: Any) -> None:
        answer[:] = [error, message]
        told.set()

    producer = Producer({**cluster.connection.librdkafka(), "acks": "all", "log_level": 0, "linger.ms": 0})
    producer.produce(topic, b"", on_delivery=report)
    deadline = time.monotonic() + _TIMEOUT_S
    while not told.is_set() and time.monotonic() < deadline:
        producer.poll(0.05)
    if not answer:
        producer.purge()
        raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))  # noqa: SLF001 - librdkafka's name
    if answer[0] is not None:
        raise KafkaException(answer[0])
    return float(answer[1].timestamp()[1] / 1000)
