"""The worker and the trainer by OAuth bearer: with tokens that run out, and with a secret that is wrong."""

import json
import time

import pytest
from pydantic import SecretStr

from schemas.connections import KafkaSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.deploy.test_acls import Cluster, cluster, worker
from tests.secured_kafka import oauth_login
from tests.token_server import CLIENT_SECRET, TokenServer
from trainer.exit_codes import ExitCode as TrainerExit
from worker.errors import ExitCode

__all__ = ["cluster"]

pytestmark = [pytest.mark.kafka, pytest.mark.soak]


def wrong(kafka: EmbeddedKafka, tokens: TokenServer) -> KafkaSettings:
    return oauth_login(kafka, tokens).model_copy(update={"kafka_oauth_client_secret": SecretStr("mistyped")})


def test_a_worker_labels_with_tokens_that_run_out(
    cluster: Cluster, token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumer, producer and the reader of releases fetch their own, and fetch again."""
    monkeypatch.setattr(token_server, "lives_s", 4.0)
    issued = len(token_server.issued)
    said = worker(cluster, oauth_login(cluster.kafka, token_server), rest_s=10.0)
    assert len(token_server.issued) >= issued + 3 * 2
    assert token_server.refused == 0
    assert CLIENT_SECRET not in said


def test_a_wrong_secret_ends_the_worker_in_one_line(cluster: Cluster, token_server: TokenServer) -> None:
    began = time.monotonic()
    with cluster.process(wrong(cluster.kafka, token_server), "worker", ENGINE="scripted", METRICS_PORT="0") as running:
        assert running.child.wait(60) == ExitCode.MISCONFIGURED
    rows = [json.loads(line) for line in running.log.read_text().splitlines()]
    (stopped,) = [row for row in rows if row["event"] == "worker_stopped"]
    assert "KAFKA_OAUTH_CLIENT_SECRET" in stopped["reason"]
    assert "mistyped" not in running.log.read_text()
    assert time.monotonic() - began < 60, "it tried for long"


def test_a_wrong_secret_ends_the_trainer_in_one_line(
    cluster: Cluster, token_server: TokenServer, redis_server: EmbeddedRedis
) -> None:
    folder = str(cluster.folder)
    own = {"REDIS_URL": redis_server.url, "TRAINER_FOLDER": folder, "TRAINER_REGISTRY": folder}
    with cluster.process(wrong(cluster.kafka, token_server), "trainer", "run", **own) as running:
        assert running.child.wait(120) == TrainerExit.MISCONFIGURED, running.log.read_text()
    (error,) = [line for line in running.log.read_text().splitlines() if not line.startswith("{")]
    assert error.startswith("Error: Kafka at")
    assert "KAFKA_OAUTH_CLIENT_SECRET" in error
