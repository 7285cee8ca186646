"""The worker and the trainer by OAuth bearer: at work, with tokens that run out, and with a secret that is wrong."""

import json
import time
from functools import partial

import httpx
import pytest
from pydantic import SecretStr

from prompts.settings import PromptSettings, ServedBuilders
from schemas.connections import KafkaSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.embedded.ports import kept_ports
from tests.deploy.acl_rig import new_name
from tests.deploy.test_acls import MODEL, Cluster, cluster, has_records, worker
from tests.secured_kafka import oauth_login
from tests.token_server import CLIENT_SECRET, TokenServer
from tests.worker.kafka_rig import Rig, make_request
from trainer.exit_codes import ExitCode as TrainerExit
from worker.errors import ExitCode

__all__ = ["cluster"]

pytestmark = pytest.mark.kafka

#: Of every secret that a worker may be given besides.
MARK = f"marked-{new_name('secret')}"
#: How each signed token begins: {"alg":
TOKEN = "eyJhbGci"


def wrong(kafka: EmbeddedKafka, tokens: TokenServer) -> KafkaSettings:
    return oauth_login(kafka, tokens).model_copy(update={"kafka_oauth_client_secret": SecretStr("mistyped")})


def test_a_worker_by_oauth_labels_and_shows_no_secret_at_debug(cluster: Cluster, token_server: TokenServer) -> None:
    """By a file, as secrets are mounted; in its log, and in its metrics."""
    (secret := cluster.folder / "secret").write_text(CLIENT_SECRET)
    (other := cluster.folder / "other").write_text(MARK)
    by_file = {"kafka_oauth_client_secret": None, "kafka_oauth_client_secret_file": secret}
    login = oauth_login(cluster.kafka, token_server).model_copy(update=by_file)
    issued = len(token_server.issued)
    rig = Rig(cluster.kafka.connection, cluster.names, 1)
    rig.publish_messages(0, 1)
    tokenizer = ServedBuilders(PromptSettings(model=MODEL)).tokenizer.sha256
    # The second is a repetition, which is dropped at DEBUG.
    rig.publish([make_request(0, 0, tokenizer=tokenizer)] * 2)
    (port,) = kept_ports(cluster.folder / "ports.json", 1)
    own = {
        "WORKER_GROUP": f"{cluster.names.topic_prefix}worker",
        "WORKER_ID": "one",
        "ENGINE": "scripted",
        "METRICS_PORT": str(port),
        "LOG_LEVEL": "DEBUG",
        "OPENAI_API_KEY_FILE": str(other),
        "REDIS_PASSWORD": MARK,
        "FSSPEC_S3_SECRET": MARK,
        "AWS_SECRET_ACCESS_KEY": MARK,
    }
    with cluster.process(login, "worker", **own) as running:
        running.until(partial(has_records, cluster, cluster.names.events, 1))
        running.until(lambda: '"duplicate_dropped"' in running.said)
        told = running.said + httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    assert '"level": "debug"' in told
    assert "sentistream_worker_" in told
    assert len(token_server.issued) > issued
    assert [one for one in (CLIENT_SECRET, MARK, TOKEN) if one in told] == []


@pytest.mark.soak
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


@pytest.mark.soak
def test_a_wrong_secret_ends_the_worker_in_one_line(cluster: Cluster, token_server: TokenServer) -> None:
    began = time.monotonic()
    with cluster.process(wrong(cluster.kafka, token_server), "worker", ENGINE="scripted", METRICS_PORT="0") as running:
        assert running.child.wait(60) == ExitCode.MISCONFIGURED
    rows = [json.loads(line) for line in running.log.read_text().splitlines()]
    (stopped,) = [row for row in rows if row["event"] == "worker_stopped"]
    assert "KAFKA_OAUTH_CLIENT_SECRET" in stopped["reason"]
    assert "mistyped" not in running.log.read_text()
    assert time.monotonic() - began < 60, "it tried for long"


@pytest.mark.soak
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
