"""Secrets come from variables or from files, are read again where that is cheap, and are never written anywhere."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from prompts.profile import SHIPPED_MODEL
from schemas.connections import KafkaSettings, RedisSettings
from schemas.secret_files import SecretSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.errors import TopicError
from sentistream.settings_table import setting_options
from streams.redis_client import redis_client
from streams.settings import StreamsSettings
from tests.secured_kafka import add_scram_user
from tests.streams.secured_rig import SecuredRig, publish, requests, secured_rig
from tests.streams.stream_rig import make_messages, published, stop
from tests.waiting import wait_for
from trainer.lock import connect
from worker.settings import WorkerSettings

#: What no output may hold.
MARK = f"marked-{secrets.token_hex(8)}"
OAUTH = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
    "KAFKA_OAUTH_TOKEN_URL": "http://127.0.0.1:1/token",
    "KAFKA_OAUTH_CLIENT_ID": "somebody",
}
SCRAM = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "somebody",
}
#: Every secret at once.
SECRETS = {
    "KAFKA_SASL_PASSWORD": MARK,
    "KAFKA_OAUTH_CLIENT_SECRET": MARK,
    "REDIS_PASSWORD": MARK,
    "REDIS_URL": f"redis://user:{MARK}@127.0.0.1:1/0",
    "OPENAI_BASE_URL": f"http://user:{MARK}@127.0.0.1:1/v1",
    "OPENAI_API_KEY": MARK,
    "STORE_DATABASE_URL": f"postgresql://user:{MARK}@127.0.0.1:1/name",
    "FSSPEC_S3_KEY": MARK,
    "FSSPEC_S3_SECRET": MARK,
    "AWS_SECRET_ACCESS_KEY": MARK,
}
#: No secrets by themselves, and they may hold one.
ADDRESSES = {"REDIS_URL", "OPENAI_BASE_URL"}
ELSEWHERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LOG_LEVEL": "DEBUG", "PYTHONFAULTHANDLER": "1"}


def all_classes() -> set[type[BaseSettings]]:
    return {option.owner for _, option in setting_options()}


def test_every_secret_setting_may_come_from_a_file() -> None:
    found = set()
    for settings in all_classes():
        for name, field in settings.model_fields.items():
            if "SecretStr" in str(field.annotation):
                assert issubclass(settings, SecretSettings), f"{settings.__name__}.{name}"
                assert f"{name}_file" in settings.model_fields, f"{settings.__name__}.{name}"
                assert settings.model_config.get("hide_input_in_errors"), settings.__name__
                found.add(name.upper())
    assert found == set(SECRETS) - {*ADDRESSES, "FSSPEC_S3_KEY", "FSSPEC_S3_SECRET", "AWS_SECRET_ACCESS_KEY"}


def test_a_file_stands_for_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD_FILE", str(file))
    settings = KafkaSettings(kafka_security_protocol="SASL_SSL", kafka_sasl_username="me")
    assert settings.librdkafka()["sasl.password"] == "first"
    file.write_text("second")
    assert settings.librdkafka()["sasl.password"] == "second"


def test_two_places_for_one_secret_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(MARK)
    with pytest.raises(ValidationError, match="REDIS_PASSWORD and REDIS_PASSWORD_FILE are both set") as refused:
        RedisSettings(redis_password=SecretStr(MARK), redis_password_file=tmp_path / "file")
    assert MARK not in str(refused.value)


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), (b"\n", "is empty"), (b"\xff", "not UTF-8")])
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValidationError, match=f"OPENAI_API_KEY_FILE is {file}.*{told}"):
        WorkerSettings(openai_api_key_file=file)


def test_a_redis_password_is_read_again_at_the_next_connection(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    user, file = f"u{secrets.token_hex(4)}", tmp_path / "password"
    admin: Any = redis.Redis.from_url(redis_server.url)
    settings = RedisSettings.model_validate(
        {"redis_url": redis_server.url, "redis_username": user, "redis_password_file": _written(file, "one")}
    )

    async def ping_before_and_after() -> None:
        client = redis_client(settings, 5.0)
        sync = connect(settings)
        await client.ping()
        sync.ping()
        admin.execute_command("ACL", "SETUSER", user, "resetpass", ">two")
        admin.execute_command("CLIENT", "KILL", "USER", user)
        file.unlink()
        with pytest.raises(redis.ConnectionError, match="closed"):
            await client.ping()
        with pytest.raises(ConnectionError, match="REDIS_PASSWORD_FILE"):
            await client.ping()
        _written(file, "two")
        await client.ping()
        sync.ping()
        await client.aclose()

    admin.execute_command("ACL", "SETUSER", user, "on", ">one", "+ping")
    asyncio.run(ping_before_and_after())


@pytest.mark.soak
@pytest.mark.kafka
def test_a_stream_that_works_shows_no_secret(
    secure_kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    """All of them by files; at DEBUG; its log, its metrics, and what it says when it is aborted."""
    log = tmp_path / "log"
    login = add_scram_user(secure_kafka, "SCRAM-SHA-512", "failing", MARK)
    user = f"u{secrets.token_hex(4)}"
    admin: Any = redis.Redis.from_url(redis_server.url)
    admin.execute_command("ACL", "SETUSER", user, "on", f">{MARK}", "~*", "+@all")
    rig = secured_rig(secure_kafka, login, redis_server.url, Path(SHIPPED_MODEL))
    rig.environment.pop("KAFKA_SASL_PASSWORD")
    rig.environment |= {
        "KAFKA_SASL_PASSWORD_FILE": str(_written(tmp_path / "kafka", MARK)),
        "REDIS_USERNAME": user,
        "REDIS_PASSWORD_FILE": str(_written(tmp_path / "redis", MARK)),
        "LOG_LEVEL": "DEBUG",
        "PYTHONFAULTHANDLER": "1",
    }
    for count, end in ((10, signal.SIGABRT), (20, signal.SIGTERM)):
        with rig.stream(log) as child:
            publish(rig, published(make_messages(10)))
            # The aborted one may have left some uncommitted, which come again.
            wait_for(partial(has_requests, rig, count), "requests")
            metrics = httpx.get(f"http://127.0.0.1:{_port(log)}/metrics", timeout=5).text
            if end == signal.SIGTERM:
                assert stop(child) == 0
            else:
                child.send_signal(end)
                child.wait(20)
    told = log.read_text()
    assert '"level": "debug"' in told
    assert "Fatal Python error: Aborted" in told
    assert MARK not in told + metrics


COMMANDS = {
    "streams": ("streams",),
    "worker": ("worker", "--engine", "openai"),
    "trainer": ("trainer", "run"),
    "topics": ("topics", "create"),
    "doctor": ("doctor",),
    "letters": ("dlq", "list"),
    "forget": ("forget", "somebody", "--yes"),
    "settings": ("settings",),
    "help": ("worker", "--help"),
    # Last: it waits for its database until it is told to stop.
    "store": ("store",),
}


@pytest.mark.soak
@pytest.mark.parametrize(
    ("login", "redis_url"),
    [("SCRAM", SECRETS["REDIS_URL"]), ("OAUTH", f"redis://127.0.0.1:1/0?password={MARK}")],
    ids=["SCRAM", "OAUTH"],
)
def test_a_command_that_fails_shows_no_secret(tmp_path: Path, login: str, redis_url: str) -> None:
    """Nothing answers any of them: each says so in its own way, all at once."""
    how = {**ELSEWHERE, **SECRETS, **(SCRAM if login == "SCRAM" else OAUTH), "REDIS_URL": redis_url}
    own = {"TRAINER_REGISTRY": "s3://nowhere/registry", "TRAINER_FOLDER": str(tmp_path), "METRICS_PORT": "0"}
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "sentistream", *command],
            env={**os.environ, **how, **own, "KAFKA_DEADLINE_SECONDS": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in COMMANDS.items()
    }
    for name, child in running.items():
        if name == "store":
            child.terminate()
        told, _ = child.communicate(timeout=120)
        assert told
        assert MARK not in told, f"{name}: {told}"


def test_a_traceback_of_wrong_settings_shows_no_secret() -> None:
    """Started by its module, the worker has nobody to word its errors."""
    done = subprocess.run(
        [sys.executable, "-c", "from worker.settings import WorkerSettings; WorkerSettings()"],
        env={**os.environ, **SECRETS, "METRICS_PORT": MARK, "OPENAI_API_KEY_FILE": f"/nowhere/{MARK[:3]}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ValidationError" in done.stderr
    assert MARK not in done.stderr


def test_settings_do_not_show_what_they_hold() -> None:
    given = {name.lower(): value for name, value in SECRETS.items() if name not in ADDRESSES}
    for settings in (StreamsSettings.model_validate(given), WorkerSettings.model_validate(given)):
        for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
            assert MARK not in shown


def has_requests(rig: SecuredRig, count: int) -> bool:
    try:
        return len(requests(rig)) >= count
    except TopicError:  # new topics have no leader for a moment
        return False


def _written(file: Path, text: str) -> Path:
    file.write_text(f"{text}\n")
    return file


def _port(log: Path) -> int:
    rows = [json.loads(line) for line in log.read_text().splitlines() if '"health_listening"' in line]
    port: int = rows[-1]["port"]
    return port
