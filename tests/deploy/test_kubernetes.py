"""The Kubernetes manifests: valid by their schemas, safe, stopped in time, and with settings and metrics that exist."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from pydantic_settings import BaseSettings

from console.api.settings import ApiSettings
from console.settings import StoreSettings
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from sentistream.commands.console import ConsoleOptions
from sentistream.logs import LogSettings
from sentistream.options import environment_name
from streams.settings import StreamsSettings
from tests.deploy.metric_names import metric_names
from worker import process
from worker.settings import WorkerSettings

FOLDER: Final = Path(__file__).parents[2] / "deploy/kubernetes"
#: The oldest and the newest version of Kubernetes that is looked at.
VERSIONS: Final = ("1.32", "1.37")
SCALED_OBJECT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "schemas/keda.scaledobject.json").read_text()
)
KUBECTL: Final = shutil.which("kubectl")
#: kustomize's own, no object of the cluster.
NOT_APPLIED: Final = {"kustomization.yaml"}
SHARED: Final = dict(
    line.split("=", 1) for line in (FOLDER / "settings.env").read_text().splitlines() if not line.startswith("#")
)
COMPONENTS: Final[dict[str, tuple[type[BaseSettings], ...]]] = {
    "streams": (StreamsSettings, LogSettings),
    "worker": (WorkerSettings, LogSettings),
}


def documents() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{file.name}/{one['kind']}/{one['metadata']['name']}", one)
        for file in sorted(FOLDER.glob("*.yaml"))
        if file.name not in NOT_APPLIED
        for one in yaml.safe_load_all(file.read_text())
    ]


DOCUMENTS: Final = dict(documents())


def of(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in DOCUMENTS.values() if (one["kind"], one["metadata"]["name"]) == (kind, name))


def pod(document: dict[str, Any]) -> dict[str, Any] | None:
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, Any] | None = spec.get("template", {}).get("spec")
    return found


PODS: Final = {name: spec for name, one in DOCUMENTS.items() if (spec := pod(one)) is not None}


def known(classes: tuple[type[BaseSettings], ...]) -> set[str]:
    return {environment_name(one, field) for one in classes for field in one.model_fields}


def validate(document: dict[str, Any], version: str) -> None:
    if document["apiVersion"] != "keda.sh/v1alpha1":
        kubernetes_validate.validate(document, version, strict=True)
        return
    jsonschema.validate(document, SCALED_OBJECT)
    # The behaviour goes as it is into a HorizontalPodAutoscaler.
    spec = document["spec"]
    if spec["minReplicaCount"] > spec["maxReplicaCount"]:
        raise jsonschema.ValidationError("KEDA takes no minReplicaCount above maxReplicaCount")
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": document["metadata"],
        "spec": {
            "scaleTargetRef": spec["scaleTargetRef"],
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            "behavior": spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
        },
    }
    kubernetes_validate.validate(autoscaler, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_manifest_is_valid_by_its_schema(name: str, version: str) -> None:
    validate(DOCUMENTS[name], version)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "livenessProbe", "failuresAllowed"), 3),
        ("StatefulSet", ("spec", "serviceName"), 7),
        ("ScaledObject", ("spec", "maxReplicas"), 3),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "threshold"), 30),
        ("ScaledObject", ("spec", "triggers", 1, "metricType"), "Value"),
        ("ScaledObject", ("spec", "minReplicaCount"), 17),
        ("ScaledObject", ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "up"), {}),
    ],
)
def test_the_validation_finds_what_is_wrong(kind: str, path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(of(kind, "sentistream-worker"))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError)):
        validate(document, VERSIONS[-1])


@pytest.mark.parametrize("name", PODS)
def test_a_pod_passes_the_level_that_its_namespace_enforces(name: str) -> None:
    assert of("Namespace", "sentistream")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = PODS[name]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "a Service's STREAMS_PORT=tcp://... would be taken for a setting"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001, "as in the images"
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & spec.keys()
    allowed = {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}
    assert all(volume.keys() & allowed for volume in spec["volumes"])
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert re.search(r":\d+\.\d+\.\d+$", container["image"])
        assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in spec["volumes"]}


SETTINGS: Final[dict[str, tuple[type[BaseSettings], ...]]] = {
    **{f"{one}.yaml/StatefulSet/sentistream-{one}": classes for one, classes in COMPONENTS.items()},
    "console.yaml/Deployment/sentistream-console": (ConsoleOptions, ApiSettings, StoreSettings, LogSettings),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_with_a_value_that_it_takes(name: str) -> None:
    (container,) = PODS[name]["containers"]
    given = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    settings = known(SETTINGS[name])
    assert {one["name"] for one in container["env"]} <= settings
    for one in SETTINGS[name]:
        by_field = {field: environment_name(one, field) for field in one.model_fields}
        every = {**SHARED, **given}
        one(**{field: every[variable] for field, variable in by_field.items() if variable in every})


def test_every_shared_setting_exists() -> None:
    every = (StreamsSettings, WorkerSettings, RedisSettings, LogSettings)
    assert SHARED.keys() <= known(every)
    assert not [name for name in SHARED if "PASSWORD" in name or "KEY" in name]


def test_every_secret_is_in_the_example_and_holds_settings() -> None:
    example = {
        one["metadata"]["name"]: one["stringData"]
        for name, one in DOCUMENTS.items()
        if name.startswith("secret.example.yaml")
    }
    used = {
        source["secretRef"]["name"]
        for spec in PODS.values()
        for source in spec["containers"][0]["envFrom"]
        if "secretRef" in source
    }
    mounted = {v["secret"]["secretName"] for spec in PODS.values() for v in spec["volumes"] if "secret" in v}
    assert used | mounted == example.keys()
    for name in used:
        settings = known((KafkaSettings, RedisSettings, TopicNames, StoreSettings))
        assert example[name].keys() - {"SENTISTREAM_WEBHOOK_SECRET"} <= settings
    assert "REDIS_PASSWORD" not in example["sentistream-worker"], "the worker never speaks to Redis"
    files = {Path(path).name for path in SHARED.values() if path.startswith("/etc/sentistream/tls/")}
    assert files == example["sentistream-tls"].keys()


def test_a_replica_keeps_its_name() -> None:
    for component, variable in (("streams", "STREAMS_INSTANCE"), ("worker", "WORKER_ID")):
        (container,) = PODS[f"{component}.yaml/StatefulSet/sentistream-{component}"]["containers"]
        (entry,) = [one for one in container["env"] if one["name"] == variable]
        assert entry["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_a_pod_has_longer_to_stop_than_its_process() -> None:
    streams = PODS["streams.yaml/StatefulSet/sentistream-streams"]
    worker = PODS["worker.yaml/StatefulSet/sentistream-worker"]
    value = {one["name"]: one.get("value") for spec in (streams, worker) for one in spec["containers"][0]["env"]}
    assert streams["terminationGracePeriodSeconds"] >= float(value["STOP_DEADLINE_S"] or 0) + 10
    # Until it ends by itself, and says where it stood.
    assert worker["terminationGracePeriodSeconds"] >= float(value["STOP_SECONDS"] or 0) + process._CLOSING_S + 3


@pytest.mark.parametrize(("component", "port"), [("streams", 9101), ("worker", 9102)])
def test_probes_ask_the_poll_loop_and_are_patient_enough(component: str, port: int) -> None:
    (container,) = PODS[f"{component}.yaml/StatefulSet/sentistream-{component}"]["containers"]
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]
    patience = {}
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container[kind]
        assert probe["httpGet"] == {"path": "/healthz", "port": "metrics"}
        patience[kind] = probe["periodSeconds"] * probe["failureThreshold"]
    if component == "streams":
        settings = StreamsSettings()
        longest = max(settings.redis_deadline_s, settings.rebuild_deadline_s)
        assert patience["livenessProbe"] > longest, "a rebuild that is killed begins anew for ever"
    else:
        assert patience["startupProbe"] >= 600, "a large model loads for minutes"
    service = of("Service", f"sentistream-{component}")["spec"]
    assert service["ports"][0]["port"] == port
    assert service["publishNotReadyAddresses"], "a start that takes long is seen in the metrics too"


@pytest.mark.parametrize("component", COMPONENTS)
def test_selectors_meet_their_pods(component: str) -> None:
    name = f"sentistream-{component}"
    labels = of("StatefulSet", name)["spec"]["template"]["metadata"]["labels"]
    assert of("StatefulSet", name)["spec"]["selector"]["matchLabels"] == labels
    assert of("Service", name)["spec"]["selector"] == labels
    assert of("StatefulSet", name)["spec"]["serviceName"] == of("Service", name)["metadata"]["name"]
    budget = of("PodDisruptionBudget", name)["spec"]
    assert (budget["selector"]["matchLabels"], budget["maxUnavailable"]) == (labels, 1)
    for one in PODS[f"{component}.yaml/StatefulSet/{name}"]["topologySpreadConstraints"]:
        assert one["labelSelector"]["matchLabels"] == labels


@pytest.mark.parametrize("component", COMPONENTS)
def test_replicas_follow_the_lag_in_seconds(component: str) -> None:
    spec = of("ScaledObject", f"sentistream-{component}")["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": f"sentistream-{component}",
    }
    assert "replicas" not in of("StatefulSet", f"sentistream-{component}")["spec"], "an apply would undo the scaling"
    lag = next(one for one in spec["triggers"] if one["name"] == "lag")
    assert f"sentistream_{component}_lag_seconds" in lag["metadata"]["query"]
    job = PODS["topics-job.yaml/Job/sentistream-topics"]["containers"][0]["env"]
    (partitions,) = [int(one["value"]) for one in job if one["name"] == "PARTITIONS"]
    assert spec["maxReplicaCount"] <= partitions


def test_every_metric_that_is_asked_for_exists() -> None:
    names = metric_names()
    queries = [
        trigger["metadata"]["query"]
        for one in DOCUMENTS.values()
        if one["kind"] == "ScaledObject"
        for trigger in one["spec"]["triggers"]
    ]
    asked = set(re.findall(r"sentistream_\w+", " ".join(queries)))
    assert asked
    assert asked <= names


def test_the_worker_cannot_reach_redis_and_all_else_is_denied() -> None:
    redis = of("NetworkPolicy", "sentistream-redis")["spec"]
    assert redis["podSelector"]["matchExpressions"][0]["values"] == ["streams", "trainer"]
    deny = of("NetworkPolicy", "sentistream-default-deny")["spec"]
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    assert not deny.keys() & {"ingress", "egress"}
    (label,) = deny["podSelector"]["matchLabels"].items()
    for document in DOCUMENTS.values():
        template = document.get("spec", {}).get("template") or document.get("spec", {}).get("jobTemplate", {}).get(
            "spec", {}
        ).get("template")
        if template:
            assert label in template["metadata"]["labels"].items()


def test_the_kustomization_names_every_file_but_the_example() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"secret.example.yaml", "kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    assert kustomization["configMapGenerator"] == [
        {"name": "sentistream", "envs": ["settings.env"]},
        {"name": "sentistream-alerts", "files": ["alerts/rules.yaml"]},
    ]
    mounted = {v["configMap"]["name"] for spec in PODS.values() for v in spec["volumes"] if "configMap" in v}
    assert mounted == {"sentistream-alerts"}
    images = {container["image"].split(":")[0] for spec in PODS.values() for container in spec["containers"]}
    assert {one["name"] for one in kustomization["images"]} == images


@pytest.mark.skipif(KUBECTL is None, reason="kubectl renders the kustomization where it is installed")
def test_what_kustomize_makes_is_valid_and_uses_the_generated_settings() -> None:
    assert KUBECTL
    done = subprocess.run([KUBECTL, "kustomize", str(FOLDER)], capture_output=True, text=True, check=True, timeout=60)
    made = list(yaml.safe_load_all(done.stdout))
    settings, rules = sorted(
        (one["metadata"]["name"] for one in made if one["kind"] == "ConfigMap"), key=lambda name: "alerts" in name
    )
    for one in made:
        validate(one, VERSIONS[-1])
        if (spec := pod(one)) is not None:
            used = {
                source["configMapRef"]["name"]
                for source in spec["containers"][0]["envFrom"]
                if "configMapRef" in source
            }
            assert used == {settings}
            assert {v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v} <= {rules}
