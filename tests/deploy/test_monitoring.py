"""Alert rules and dashboard ask for what the services have, in PromQL that Prometheus takes."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml

from tests.deploy.metric_names import metric_names

ROOT: Final = Path(__file__).parents[2]
RULES: Final[Path] = ROOT / "deploy/prometheus/alerts.yml"
GRAFANA: Final[Path] = ROOT / "deploy/grafana"
DASHBOARD: Final[dict[str, Any]] = json.loads((GRAFANA / "dashboards/sentistream.json").read_text())
PANELS: Final = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
PROMTOOL: Final = shutil.which("promtool")
#: Prometheus has these by itself; vLLM's own server has the other.
NOT_OURS: Final = {"up", "ALERTS", "vllm:kv_cache_usage_perc"}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def asked_of(panel: dict[str, Any]) -> list[str]:
    return [target["expr"].replace("$__rate_interval", "5m") for target in panel["targets"]]


EXPRESSIONS: Final = [
    *((rule["alert"], rule["expr"]) for rule in rules()),
    *((panel["title"], asked) for panel in PANELS for asked in asked_of(panel)),
]


def metrics_of(expression: str) -> set[str]:
    """Names without the suffix of a histogram's series."""
    found: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name or "")
        for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
            if (below := getattr(node, name, None)) is not None:
                visit(below)
        for below in getattr(node, "args", None) or ():
            visit(below)

    visit(promql_parser.parse(expression))
    known = metric_names()
    return {name if name in known else re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_what_is_asked_is_promql_about_metrics_that_exist(title: str, expression: str) -> None:
    del title
    found = metrics_of(expression)
    assert found
    assert found - NOT_OURS <= metric_names()


def test_what_has_a_wrong_name_is_found() -> None:
    assert metrics_of("sum(rate(sentistream_worker_events_totals[5m])) > 1") - metric_names()
    with pytest.raises(ValueError, match="unclosed"):
        metrics_of("sum(rate(a[5m])")


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert all(rule["annotations"].values())


def test_every_alert_is_seen_to_fire_in_the_rules_own_tests() -> None:
    fired = re.findall(r'alertname="(\w+)"', (RULES.parent / "alerts.test.yml").read_text())
    assert {rule["alert"] for rule in rules()} == set(fired)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool checks the rules where Prometheus is installed")
@pytest.mark.parametrize("what", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")])
def test_promtool_takes_the_rules_and_their_tests_pass(what: tuple[str, ...]) -> None:
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *what], cwd=RULES.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_what_its_panels_make() -> None:
    spec = importlib.util.spec_from_file_location("dashboard", GRAFANA / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.dashboard() == DASHBOARD, "run python deploy/grafana/dashboard.py"


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert all(target["legendFormat"] for target in panel["targets"])
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))


def test_no_two_panels_are_in_one_place() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_dashboard_shows_what_operators_ask_for() -> None:
    shown = {name for panel in PANELS for asked in asked_of(panel) for name in metrics_of(asked)}
    worker = {f"sentistream_worker_{name}" for name in (
        "lag_seconds", "events_total", "step_seconds", "dead_letters_total", "outliers_total", "flips_total",
        "labels_total", "adapter_released_seconds", "rounds", "gaps_total", "tokens_total", "kv_cache_usage",
    )}  # fmt: skip
    assert worker | {"sentistream_streams_batch_seconds", "sentistream_store_lag_seconds"} <= shown


def test_compose_loads_rules_and_dashboard() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    mounted = {
        one.split(":")[1]: one.split(":")[0] for name in ("prometheus", "grafana") for one in services[name]["volumes"]
    }
    (rule_file,) = prometheus["rule_files"]
    assert ROOT / mounted[rule_file] == RULES
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/sentistream.yml").read_text())["providers"][0]
    assert ROOT / mounted[provider["options"]["path"]] == GRAFANA / "dashboards"
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    grafana = services["grafana"]["environment"]
    assert grafana["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:?set it in .env}"
    assert grafana["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
