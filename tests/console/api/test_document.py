"""What docs/api.md shows is what the API answers and takes."""

import json
import re
from pathlib import Path

import pytest

from console.api import models
from tests.console.api.rig import Rig

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- (\w+) -->\n```json\n(.*?)\n```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_each_example_is_whole(name: str, text: str) -> None:
    model = getattr(models, name)
    example = json.loads(text)
    assert model.model_validate(example).model_dump(mode="json") == example


def test_each_path_is_described(shared: Rig) -> None:
    described = set(re.findall(r"`?(GET|POST|DELETE) (/api/v1[^\s`]*)", TEXT))
    for path, item in shared.app.openapi()["paths"].items():
        assert {(method.upper(), path) for method in item} <= described, path


def test_each_filter_of_the_lists_is_named(shared: Rig) -> None:
    for path, item in shared.app.openapi()["paths"].items():
        for one in item.get("get", {}).get("parameters", []):
            if one["in"] == "query":
                assert f"`{one['name']}`" in TEXT, (path, one["name"])
