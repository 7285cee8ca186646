"""Windows in a Redis that asks for TLS, a user and a password; and what is said where that fails."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from pydantic import SecretStr

from prompts.parts import PartsBuilder
from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from streams.errors import ConfigurationError
from streams.redis_client import RIGHTS, check_access, redis_client
from tests.conftest import TopicsFactory
from tests.secured_kafka import write_certificates
from tests.streams.stream_rig import StreamRig, check_like_offline, make_messages, published, stop
from tests.tls_terminator import TlsTerminator

#: Characters that mean something in an address.
PASSWORD = "p@ss:w/rd?#%41"
USER = "sentistream"


@dataclass(frozen=True, slots=True)
class SecuredRedis:
    """Attributes: its port with TLS; the file of the authority; clients that may do all, and nothing."""

    tls_port: int
    authority: Path
    admin: redis.Redis

    def settings(self, **changed: object) -> RedisSettings:
        given = {
            "redis_url": f"rediss://127.0.0.1:{self.tls_port}/0",
            "redis_username": USER,
            "redis_password": SecretStr(PASSWORD),
            "redis_ssl_ca": str(self.authority),
        }
        return RedisSettings.model_validate(given | changed)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    """The real Redis; the one that comes with the packages has no TLS, so that a proxy adds it."""
    folder = tmp_path_factory.mktemp("secured-redis")
    authority, certificate = folder / "ca.pem", folder / "redis.pem"
    write_certificates(authority, certificate)
    with EmbeddedRedis(folder, settings={"requirepass": PASSWORD}) as server:
        admin = redis.Redis(port=server.ports[0], password=PASSWORD)
        for user, rights in ((USER, RIGHTS), ("nobody", "+client"), ("pinging", "+client +ping")):
            asked = ("ACL", "SETUSER", user, "on", f">{PASSWORD}", *rights.split())
            admin.execute_command(*asked)  # type: ignore[no-untyped-call]
        with TlsTerminator(certificate, server.ports[0]) as terminator:
            yield SecuredRedis(terminator.port, authority, admin)


def access(settings: RedisSettings) -> None:
    async def run() -> None:
        client = redis_client(settings, 5.0)
        try:
            await check_access(client, settings)
            await client.ping()
        finally:
            await client.aclose()

    asyncio.run(run())


@pytest.mark.kafka
@pytest.mark.parametrize("login", ["in the address", "in the settings"])
def test_the_stream_keeps_its_windows_over_tls_as_a_user_with_few_rights(
    kafka: EmbeddedKafka,
    secured: SecuredRedis,
    topics: TopicsFactory,
    model: Path,
    builder: PartsBuilder,
    tmp_path: Path,
    login: str,
) -> None:
    log = tmp_path / "log"
    address = f"127.0.0.1:{secured.tls_port}/0"
    settings = {"REDIS_SSL_CA": str(secured.authority)}
    if login == "in the address":
        url = f"rediss://{USER}:{quote(PASSWORD, safe='')}@{address}"
    else:
        url = f"rediss://somebody:else@{address}"
        settings |= {"REDIS_USERNAME": USER, "REDIS_PASSWORD": PASSWORD}
    rig = StreamRig(kafka.bootstrap_servers, url, topics(), model)
    messages = published(make_messages(200))
    rig.publish(messages[:100])
    with rig.stream(log, **settings) as child:
        rig.wait_for_requests(100)
        secured.admin.flushdb()
        rig.publish(messages[100:])
        found = rig.wait_for_requests(200)
        assert stop(child) == 0, log.read_text()
    check_like_offline(rig, found, builder)
    assert "windows_rebuilt" in log.read_text()
    assert PASSWORD not in log.read_text()
    assert quote(PASSWORD, safe="") not in log.read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"redis_password": SecretStr("wrong")}, "REDIS_PASSWORD"),
        ({"redis_password": None, "redis_username": None}, "REDIS_PASSWORD"),
        ({"redis_username": "unknown"}, "REDIS_USERNAME"),
        ({"redis_username": "nobody"}, "ACL SETUSER NAME"),
        ({"redis_ssl_ca": None}, "REDIS_SSL_CA"),
        ({"redis_ssl_ca": "/nowhere/ca.pem"}, "REDIS_SSL_CA is /nowhere/ca.pem"),
        ({"redis_url": "rediss://localhost:{tls_port}/0"}, "the host in REDIS_URL"),
        ({"redis_url": "http://127.0.0.1"}, "REDIS_URL must begin with"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_a_refusal_is_told_in_one_line(secured: SecuredRedis, change: dict[str, object], told: str) -> None:
    if isinstance(url := change.get("redis_url"), str):
        change = {"redis_url": url.format(tls_port=secured.tls_port)}
    with pytest.raises(ConfigurationError) as raised:
        access(secured.settings(**change))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_an_outage_is_no_refusal(secured: SecuredRedis) -> None:
    """`check_access` leaves it to the store of windows, which waits."""
    with pytest.raises(redis.ConnectionError):
        access(secured.settings(redis_url="rediss://127.0.0.1:1/0"))


@pytest.mark.kafka
def test_the_command_ends_with_the_one_line(
    kafka: EmbeddedKafka, secured: SecuredRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    url = f"rediss://{USER}:wrong@127.0.0.1:{secured.tls_port}/0"
    rig = StreamRig(kafka.bootstrap_servers, url, topics(), model)
    with rig.stream(log, REDIS_SSL_CA=str(secured.authority)) as child:
        assert child.wait(60) == 1, log.read_text()
    (error,) = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert error.startswith("Error: Redis at 127.0.0.1")
    assert "wrong@" not in log.read_text()


@pytest.mark.kafka
def test_a_right_that_lacks_later_ends_the_stream_with_the_way_to_give_it(
    kafka: EmbeddedKafka, secured: SecuredRedis, topics: TopicsFactory, model: Path, tmp_path: Path
) -> None:
    """Without it the stream would wait as for a Redis that is away."""
    log = tmp_path / "log"
    url = f"rediss://pinging:{quote(PASSWORD, safe='')}@127.0.0.1:{secured.tls_port}/0"
    rig = StreamRig(kafka.bootstrap_servers, url, topics(), model)
    rig.publish(published(make_messages(3)))
    with rig.stream(log, REDIS_SSL_CA=str(secured.authority)) as child:
        assert child.wait(60) == 70, log.read_text()
    assert "ACL SETUSER NAME ~sentistream:window:*" in log.read_text()
    assert set(rig.committed().values()) == {-1}
