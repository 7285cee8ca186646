"""Writes dashboards/sentistream.json from panels.yaml (`python deploy/grafana/dashboard.py`); a test compares them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

PANELS: Final = Path(__file__).parent / "panels.yaml"
FILE: Final = Path(__file__).parent / "dashboards" / "sentistream.json"
#: Of all columns that Grafana has.
COLUMNS: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        ask: legend by PromQL.
        unit: as Grafana names it.
        stat: one figure instead of lines.
        most: the end of the axis.
        red_from: drawn in red from here on.
    """

    title: str
    unit: str
    text: str
    ask: Mapping[str, str]
    stat: bool = False
    width: int = 8
    stacked: bool = False
    most: float | None = None
    red_from: float | None = None
    colours: Mapping[str, str] = field(default_factory=dict)


def panels() -> dict[str, list[Panel]]:
    """By row, as panels.yaml has them."""
    rows = yaml.safe_load(PANELS.read_text(encoding="utf-8"))
    return {row: [Panel(**one) for one in listed] for row, listed in rows.items()}


def dashboard() -> dict[str, Any]:
    """As Grafana loads it."""
    return {
        "uid": "sentistream",
        "title": "Sentistream",
        "description": "The pipeline from chat messages to emotion events. docs/monitoring.md says how to read it.",
        "tags": ["sentistream"],
        "editable": False,
        "schemaVersion": 41,
        "version": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, listed in panels().items():
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        number, y, x = number + 1, y + 1, 0
        for panel in listed:
            height = 4 if panel.stat else 8
            if x + panel.width > COLUMNS:
                x, y = 0, y + height
            yield _panel(number, panel, {"h": height, "w": panel.width, "x": x, "y": y})
            number, x = number + 1, x + panel.width
        y += 4 if listed[-1].stat else 8


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": asked, "legendFormat": legend or panel.title}
        for at, (legend, asked) in enumerate(panel.ask.items())
    ]
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        "targets": targets,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green" if panel.stat else "transparent", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    drawn = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 60 if panel.stacked else 0,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "area" if panel.red_from is not None else "off"},
    }
    found: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.stat else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {} if panel.stat else drawn,
    }
    return found if panel.most is None else {**found, "max": panel.most}


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for name, colour in panel.colours.items()
    ]


def _options(panel: Panel) -> dict[str, Any]:
    if panel.stat:
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=1) + "\n", encoding="utf-8")
