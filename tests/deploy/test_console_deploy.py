"""The console as it is deployed: it may note its decisions, and has rules to judge by."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from console.alerts.rules_file import load_rules, parse_rules

ROOT: Final = Path(__file__).parents[2]
SERVICE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["console"]
POD: Final[dict[str, Any]] = next(
    one["spec"]["template"]["spec"]
    for one in yaml.safe_load_all((ROOT / "deploy/kubernetes/console.yaml").read_text())
    if one["kind"] == "Deployment"
)
CONTAINER: Final[dict[str, Any]] = POD["containers"][0]
RULES: Final = ROOT / "deploy/kubernetes/alerts/rules.yaml"


def test_releases_and_rollbacks_can_be_noted_in_the_registry() -> None:
    place = SERVICE["environment"]["TRAINER_REGISTRY"]
    assert f"registry:{place}" in SERVICE["volumes"], "not :ro"
    (mount,) = [one for one in CONTAINER["volumeMounts"] if one["name"] == "registry"]
    (volume,) = [one for one in POD["volumes"] if one["name"] == "registry"]
    assert {"name": "TRAINER_REGISTRY", "value": mount["mountPath"]} in CONTAINER["env"]
    assert not mount.get("readOnly")
    assert not volume["persistentVolumeClaim"].get("readOnly")


def test_both_deployments_have_the_alert_rules() -> None:
    place = SERVICE["environment"]["ALERT_RULES"]
    (file,) = [one.removesuffix(f":{place}:ro") for one in SERVICE["volumes"] if one.endswith(f":{place}:ro")]
    assert file == "${ALERT_RULES_FILE:-./deploy/kubernetes/alerts/rules.yaml}"
    (mount,) = [one for one in CONTAINER["volumeMounts"] if one["name"] == "alerts"]
    assert {"name": "ALERT_RULES", "value": f"{mount['mountPath']}/{RULES.name}"} in CONTAINER["env"]
    assert {"name": "alerts", "configMap": {"name": "sentistream-alerts"}} in POD["volumes"]


def test_the_rules_are_valid_and_told_to_nobody_until_somebody_says_so() -> None:
    made = load_rules(RULES)
    assert made.rules
    assert not made.webhooks


def test_the_webhook_that_is_commented_out_is_valid_and_signed_by_what_both_deployments_give() -> None:
    text = re.sub(r"^#: ", "", RULES.read_text(), flags=re.MULTILINE)
    (webhook,) = parse_rules(text.replace("turns: 3", "turns: 3\n    webhooks: [team]"), "rules.yaml").webhooks.values()
    assert webhook.secret_env in SERVICE["environment"]
    secrets = yaml.safe_load_all((ROOT / "deploy/kubernetes/secret.example.yaml").read_text())
    (secret,) = [one["stringData"] for one in secrets if one["metadata"]["name"] == "sentistream-console"]
    assert webhook.secret_env in secret
    assert {"secretRef": {"name": "sentistream-console"}} in CONTAINER["envFrom"]
