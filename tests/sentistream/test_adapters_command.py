"""`sentistream adapters` as somebody at a terminal uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.worker.model_folder import make_folder

pytestmark = pytest.mark.kafka


class Terminal:
    """A registry with two versions of a model, and a command line that knows where everything is."""

    def __init__(self, kafka: EmbeddedKafka, prefix: str, folder: Path) -> None:
        from tests.trainer.test_releases import Shop

        self.shop = Shop(kafka, f"{prefix}adapter.releases", folder)
        model = folder / "model"
        model.mkdir()
        self._environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "TOPIC_PREFIX": prefix,
            "TRAINER_REGISTRY": str(folder / "registry"),
            "MODEL": str(make_folder(model)),
        }

    def run(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, ["adapters", *words], env=self._environment)
        assert done.exit_code == code, done.output
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture
def terminal(kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path) -> Terminal:
    return Terminal(kafka, topics().topic_prefix, tmp_path)


def test_from_the_first_look_to_the_rollback(terminal: Terminal) -> None:
    assert "3 versions of little; live: no adapter" in terminal.run("list").output
    assert "live: v1" in terminal.run("release", "v1", "--reason", "first").output
    assert terminal.json("release", "v2")["previous"] == "v1"
    listed = terminal.json("list")
    assert listed["live"] == "v2"
    assert [(one["version"], one["live"], one["metrics"]) for one in listed["versions"]] == [
        ("v1", False, {"macro_f1": 0.5}), ("v2", True, {"macro_f1": 0.5}), ("v3", False, {"macro_f1": 0.5}),
    ]  # fmt: skip
    line = next(line for line in terminal.run("list").output.splitlines() if line.startswith("v2"))
    assert line.split() == ["v2", "live", "2026-11-21", "00:00:00", "UTC", "base", "macro_f1=0.5"]
    assert terminal.json("rollback", "--reason", "corrections")["version"] == "v1"
    assert terminal.json("list")["live"] == "v1"
    assert "live: no adapter" in terminal.run("rollback", "--to", "base").output
    assert terminal.json("list")["live"] is None


def test_one_version_in_full(terminal: Terminal) -> None:
    terminal.run("release", "v1", "--reason", "first")
    shown = terminal.json("show", "v1")
    assert shown["sha256"] == terminal.shop.registry.checksum("little", "v1")
    assert shown["metadata"]["base_sha256"] == "a" * 64
    assert [(one["status"], one["reason"]) for one in shown["decisions"]] == [("released", "first")]
    text = terminal.run("show", "v1").output
    for part in ("temperature  1.0", "(checked)", "released", "first"):
        assert part in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("release", "v9"), "adapters list"),
        (("show", "v9"), "does not exist"),
        (("rollback",), "nothing to roll back"),
        (("release", "../x"), "folder's name"),
    ],
)
def test_errors_are_one_line_with_what_to_do(terminal: Terminal, words: tuple[str, ...], told: str) -> None:
    done = terminal.run(*words, code=1)
    assert len(done.output.strip().splitlines()) == 1
    assert told in done.output


def test_a_damaged_version_is_not_released(terminal: Terminal) -> None:
    (Path(terminal.shop.registry.find("little", "v1").uri) / "adapter_config.json").write_text("{}")
    assert "other bytes" in terminal.run("release", "v1", code=1).output
    assert terminal.json("list")["live"] is None


def test_a_model_that_this_machine_does_not_have_goes_by_its_name(terminal: Terminal) -> None:
    assert "3 versions of little" in terminal.run("list", "--model", "little").output


def test_the_place_of_the_registry_is_a_setting(terminal: Terminal, tmp_path: Path) -> None:
    assert "0 versions" in terminal.run("list", "--registry", str(tmp_path / "empty")).output
    assert "TRAINER_REGISTRY" in terminal.run("list", "--registry", "nosuch://place", code=1).output
