"""OAuth bearer on both clients against a broker that checks the tokens' signatures; and what is said where it fails."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr, ValidationError

from schemas.connections import KafkaSettings
from schemas.kafka_refusals import Refusals
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.oauth_tokens import ClientCredentials
from tests.secured_kafka import oauth_login
from tests.streams.secured_rig import SecuredRig, forget_windows, publish, refused_in_one_line, requests, secured_rig
from tests.streams.stream_rig import make_messages, published, stop
from tests.token_server import CLIENT_SECRET, TokenServer
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

FETCHED = "oauth_token_fetched"


@pytest.fixture
def short_lived(token_server: TokenServer) -> Iterator[None]:
    before = token_server.lives_s
    token_server.lives_s = 4.0
    yield
    token_server.lives_s = before


@pytest.fixture
def rig(secure_kafka: EmbeddedKafka, token_server: TokenServer, redis_server: EmbeddedRedis, model: Path) -> SecuredRig:
    return secured_rig(secure_kafka, oauth_login(secure_kafka, token_server), redis_server.url, model)


@pytest.mark.usefixtures("short_lived")
def test_messages_become_requests_with_tokens_that_run_out_on_the_way(
    rig: SecuredRig, token_server: TokenServer, tmp_path: Path
) -> None:
    """The broker ends a connection with its token, so that going on needs new ones: of librdkafka and of aiokafka."""
    log = tmp_path / "log"
    messages = published(make_messages(120))
    with rig.stream(log) as child:
        fetched = 0
        for third in (messages[:40], messages[40:80], messages[80:]):
            publish(rig, third)
            wait_for(partial(has_fetched, log, fetched), "a new token")
            fetched = log.read_text().count(FETCHED)
        forget_windows(rig)
        publish(rig, published(make_messages(150))[120:])
        wait_for(lambda: len({one.source.event_id for one in requests(rig)}) == 150, "150 requests")
        assert stop(child) == 0, log.read_text()
    assert fetched >= 3
    assert "windows_rebuilt" in log.read_text()
    assert token_server.refused == 0
    assert CLIENT_SECRET not in log.read_text()
    found = requests(rig)
    assert len(found) == len({one.source.event_id for one in found}), "the producer's retries doubled a request"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kafka_oauth_client_secret": SecretStr("wrong")}, "KAFKA_OAUTH_CLIENT_SECRET"),
        pytest.param({"kafka_oauth_scope": "another"}, "KAFKA_OAUTH_SCOPE", marks=pytest.mark.soak),
        pytest.param({"kafka_oauth_ssl_ca": None}, "KAFKA_OAUTH_SSL_CA", marks=pytest.mark.soak),
        pytest.param({"kafka_oauth_ssl_ca": "/nowhere.pem"}, "CA is /nowhere.pem", marks=pytest.mark.soak),
    ],
    ids=["secret", "scope", "foreign authority", "missing file"],
)
def test_a_refused_token_is_told_in_one_line(
    rig: SecuredRig, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    log = tmp_path / "log"
    rig.log_in(rig.connection.model_copy(update=change))
    refused_in_one_line(rig, log, told)


def test_a_token_that_the_brokers_do_not_trust_is_told(
    secure_kafka: EmbeddedKafka, token_server: TokenServer, secure_folder: Path, tmp_path: Path
) -> None:
    with TokenServer(tmp_path, secure_folder / "broker.pem") as stranger:
        settings = oauth_login(secure_kafka, token_server).model_copy(update={"kafka_oauth_token_url": stranger.url})
        assert "trust the issuer" in str(refusal(settings))


def test_a_token_endpoint_that_is_away_is_no_refusal(secure_kafka: EmbeddedKafka, token_server: TokenServer) -> None:
    away = {"kafka_oauth_token_url": "https://127.0.0.1:1/token"}
    assert refusal(oauth_login(secure_kafka, token_server).model_copy(update=away), 2.0) is None


async def test_a_token_is_used_until_it_nears_its_end(
    secure_kafka: EmbeddedKafka, token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = ClientCredentials(oauth_login(secure_kafka, token_server))
    now = 1_000.0
    monkeypatch.setattr("streams.oauth_tokens.time.monotonic", lambda: now)
    first = await provider.token()
    now += 0.79 * token_server.lives_s
    assert await provider.token() == first
    issued = len(token_server.issued)
    now += 0.02 * token_server.lives_s
    await provider.token()
    assert len(token_server.issued) == issued + 1


def test_half_of_a_login_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValidationError, match="KAFKA_OAUTH_TOKEN_URL, KAFKA_OAUTH_CLIENT_SECRET"):
        KafkaSettings(
            kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", kafka_oauth_client_id="someone"
        )


def has_fetched(log: Path, before: int) -> bool:
    return log.read_text().count(FETCHED) > before


def refusal(settings: KafkaSettings, seconds: float = 10.0) -> str | None:
    refusals = Refusals(settings)
    return refusals.by(AdminClient({**settings.librdkafka(), "log_level": 0, "error_cb": refusals.hear}), seconds)
