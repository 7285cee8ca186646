"""The trainer's CronJob and its service: settings that exist, one at a time, and no secret in a file."""

import re
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic_settings import BaseSettings

from schemas.connections import RedisSettings
from sentistream.logs import LogSettings
from sentistream.options import environment_name
from trainer.exit_codes import ExitCode
from trainer.refresh_settings import CLASSES
from trainer.settings import ServeSettings

ROOT: Final = Path(__file__).parents[2]
CRON_JOB: Final[dict[str, Any]] = next(
    one
    for one in yaml.safe_load_all((ROOT / "deploy/kubernetes/trainer-cronjob.yaml").read_text())
    if one["kind"] == "CronJob"
)
JOB: Final[dict[str, Any]] = CRON_JOB["spec"]["jobTemplate"]["spec"]
SERVICE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["trainer"]
SETTINGS: Final[tuple[type[BaseSettings], ...]] = (*CLASSES, ServeSettings, RedisSettings, LogSettings)
KNOWN: Final = {environment_name(one, field) for one in SETTINGS for field in one.model_fields}


def test_the_cron_job_runs_one_refresh_at_a_time_and_not_as_root() -> None:
    assert CRON_JOB["spec"]["concurrencyPolicy"] == "Forbid"
    pod = JOB["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][:2] == ["trainer", "run"]
    assert re.search(r":\d+\.\d+\.\d+$", container["image"])
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {one["name"] for one in container["env"]} <= KNOWN


def test_what_a_retry_does_not_help_ends_the_job() -> None:
    codes = {
        code for rule in JOB["podFailurePolicy"]["rules"] for code in rule.get("onExitCodes", {}).get("values", [])
    }
    assert codes == {2, ExitCode.DATA, ExitCode.MISCONFIGURED}


def test_every_variable_of_the_service_is_a_setting() -> None:
    assert SERVICE["environment"].keys() <= KNOWN
    assert SERVICE["healthcheck"]["test"][-1] == str(SERVICE["environment"]["TRAINER_METRICS_PORT"])


def test_worker_and_trainer_see_the_registry_at_one_path() -> None:
    worker = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]
    place = SERVICE["environment"]["TRAINER_REGISTRY"]
    assert f"registry:{place}" in SERVICE["volumes"]
    assert f"registry:{place}:ro" in worker["volumes"]
