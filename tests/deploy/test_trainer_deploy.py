"""The trainer's CronJob, its service and its watch: settings that exist, one at a time, and no secret in a file."""

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
from trainer.revision import VARIABLE
from trainer.settings import ServeSettings
from trainer.watch.settings import WatchSettings

ROOT: Final = Path(__file__).parents[2]
CRON_JOB: Final[dict[str, Any]] = next(
    one
    for one in yaml.safe_load_all((ROOT / "deploy/kubernetes/trainer-cronjob.yaml").read_text())
    if one["kind"] == "CronJob"
)
JOB: Final[dict[str, Any]] = CRON_JOB["spec"]["jobTemplate"]["spec"]
SERVICES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SERVICE: Final[dict[str, Any]] = SERVICES["trainer"]
WATCH: Final[dict[str, Any]] = SERVICES["trainer-watch"]
WATCH_DEPLOYMENT, WATCH_SERVICE = yaml.safe_load_all((ROOT / "deploy/kubernetes/trainer-watch.yaml").read_text())
SETTINGS: Final[tuple[type[BaseSettings], ...]] = (*CLASSES, ServeSettings, RedisSettings, LogSettings)
KNOWN: Final = {environment_name(one, field) for one in SETTINGS for field in one.model_fields}
KNOWN_TO_WATCH: Final = KNOWN | {environment_name(WatchSettings, field) for field in WatchSettings.model_fields}


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


def test_the_image_knows_its_commit() -> None:
    """It has no repository to ask."""
    image = (ROOT / "deploy/trainer.Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(rf"^ARG {VARIABLE}=\"\"$", image, re.MULTILINE)
    assert re.search(rf"^ENV .*\b{VARIABLE}=\${VARIABLE}$", image, re.MULTILINE)
    for service in (SERVICE, WATCH):
        assert service["build"]["args"] == {VARIABLE: f"${{{VARIABLE}:-}}"}


def test_every_variable_of_the_service_is_a_setting() -> None:
    assert SERVICE["environment"].keys() <= KNOWN
    assert SERVICE["healthcheck"]["test"][-1] == str(SERVICE["environment"]["TRAINER_METRICS_PORT"])


def test_worker_and_trainer_see_the_registry_at_one_path() -> None:
    place = SERVICE["environment"]["TRAINER_REGISTRY"]
    assert f"registry:{place}" in SERVICE["volumes"]
    assert f"registry:{place}:ro" in SERVICES["worker"]["volumes"]


def test_the_watch_runs_as_a_service_that_can_roll_back_and_is_scraped() -> None:
    environment = WATCH["environment"]
    assert WATCH["command"] == ["trainer", "watch"]
    assert WATCH["image"] == SERVICE["image"]
    assert environment.keys() <= KNOWN_TO_WATCH
    assert environment["TRAINER_WATCH_HOST"] == "0.0.0.0"  # noqa: S104 - inside its own container
    port = environment["TRAINER_WATCH_PORT"]
    assert WATCH["healthcheck"]["test"][-1] == str(port)
    assert f"registry:{environment['TRAINER_REGISTRY']}" in WATCH["volumes"], "a rollback goes into its history"
    assert environment["TRAINER_REGISTRY"] == SERVICE["environment"]["TRAINER_REGISTRY"]
    jobs = {
        job["job_name"]: job["dns_sd_configs"][0]
        for job in yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    }
    for name, one in (("trainer", SERVICE["environment"]["TRAINER_METRICS_PORT"]), ("trainer-watch", port)):
        assert (jobs[name]["names"], jobs[name]["port"]) == ([name], one)


def test_kubernetes_has_one_watch_that_can_write_the_registry_and_is_probed() -> None:
    spec = WATCH_DEPLOYMENT["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    (container,) = spec["template"]["spec"]["containers"]
    assert container["args"] == ["trainer", "watch"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert given.keys() <= KNOWN_TO_WATCH
    assert given["TRAINER_WATCH_HOST"] == "0.0.0.0"  # noqa: S104 - inside its own pod
    (port,) = container["ports"]
    assert str(port["containerPort"]) == given["TRAINER_WATCH_PORT"]
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[kind]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    (registry,) = [one for one in container["volumeMounts"] if one["name"] == "registry"]
    assert registry == {"name": "registry", "mountPath": given["TRAINER_REGISTRY"]}, "and not read-only"
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == WATCH_SERVICE["spec"]["selector"] == labels
    (served,) = WATCH_SERVICE["spec"]["ports"]
    assert (served["port"], served["targetPort"]) == (port["containerPort"], port["name"])
    # Redis is for refreshes alone, and no rule lets this pod there.
    assert given["TRAINER_DRIFT_REFRESH"] == "false"
    policies = yaml.safe_load_all((ROOT / "deploy/kubernetes/network-policy.yaml").read_text())
    (metrics,) = [one for one in policies if one["metadata"]["name"] == "sentistream-metrics"]
    assert port["containerPort"] in {one["port"] for one in metrics["spec"]["ingress"][0]["ports"]}
