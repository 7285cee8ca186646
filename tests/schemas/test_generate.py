"""The generated documents say what the models say, and their examples are what the models take."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from click.testing import CliRunner

from schemas import codec
from schemas.base import Frozen, Message
from schemas.dead_letter import DeadLetter
from schemas.examples import dead_letter, examples
from schemas.generate import documents, outdated
from schemas.request import Rejected, SanmRequest
from schemas.topics import TopicNames, relabel_topic, topics
from sentistream.cli import main

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
VERSION = version("sentistream")


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(documents(VERSION)["asyncapi.yaml"])
    return found


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a reference leads to: in the document itself, or a schema file beside it."""
    if not reference.startswith("#/"):
        return json.loads((FOLDER / reference).read_text("utf-8"))
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for one in part for found in references(one)] if isinstance(part, list) else []


def test_the_committed_documents_are_as_the_models_say() -> None:
    assert outdated(FOLDER, VERSION) == [], "run `sentistream schemas`"
    assert {path.name for path in FOLDER.iterdir()} == documents(VERSION).keys()


def test_a_model_of_the_same_name_elsewhere_changes_nothing() -> None:
    class Answer(Frozen):
        """Something else.

        Attributes:
            label: nothing to do with an event's.
        """

        label: str

    assert Answer.__name__ in documents(VERSION)["emotion.events.json"]
    assert outdated(FOLDER, VERSION) == []


def test_the_command_writes_them_checks_them_and_spares_what_else_is_there(tmp_path: Path) -> None:
    command = ["schemas", "--out", str(tmp_path)]
    foreign = tmp_path / "compose.yaml"
    foreign.write_text("services: {}")
    assert CliRunner().invoke(main, [*command, "--check"]).exit_code == 1
    assert CliRunner().invoke(main, command).exit_code == 0
    assert CliRunner().invoke(main, [*command, "--check"]).exit_code == 0
    (tmp_path / "chat.messages.json").write_text("{}")
    refused = CliRunner().invoke(main, [*command, "--check"])
    assert refused.exit_code == 1
    assert "chat.messages.json" in refused.output
    assert foreign.read_text() == "services: {}"


def test_every_schema_is_one() -> None:
    for path in FOLDER.glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))


def test_every_reference_leads_somewhere(asyncapi: dict[str, Any]) -> None:
    found = references(asyncapi)
    assert len(found) > 20
    for reference in found:
        assert resolve(asyncapi, reference) is not None


def test_each_example_is_what_its_schema_and_its_model_take(asyncapi: dict[str, Any]) -> None:
    kinds: dict[str, type[Message]] = {type(one).__name__: type(one) for one in examples()}
    messages = asyncapi["components"]["messages"]
    assert messages.keys() == kinds.keys() | {"DeadLetter"}
    for name, kind in kinds.items():
        schema = resolve(asyncapi, messages[name]["payload"]["$ref"])
        for example in messages[name]["examples"]:
            jsonschema.validate(example["payload"], schema, format_checker=jsonschema.FormatChecker())
            assert kind.model_validate_json(json.dumps(example["payload"])) in examples()


def test_a_schema_refuses_what_its_model_refuses(asyncapi: dict[str, Any]) -> None:
    schema = resolve(asyncapi, asyncapi["components"]["messages"]["ChatMessage"]["payload"]["$ref"])
    good = asyncapi["components"]["messages"]["ChatMessage"]["examples"][0]["payload"]
    for wrong in ({"text": ""}, {"conversation_id": "x" * 10_000}, {"speaker": 5}, {"language": "?"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(good | wrong, schema)
    jsonschema.validate(good | {"from_a_newer_producer": 1}, schema)


def test_the_dead_letters_headers_are_as_documented(asyncapi: dict[str, Any]) -> None:
    message = asyncapi["components"]["messages"]["DeadLetter"]
    headers = message["examples"][0]["headers"]
    jsonschema.validate(headers, resolve(asyncapi, message["headers"]["$ref"]))
    assert DeadLetter.from_headers([(name, value.encode()) for name, value in headers.items()]) == dead_letter()


def test_every_topic_is_there_with_the_settings_of_production(asyncapi: dict[str, Any]) -> None:
    names = TopicNames()
    made = (*topics(names, "production", 6), relabel_topic(names, "production", 6))
    wanted = {topic.name: topic for topic in made}
    found = {channel["address"]: channel["bindings"]["kafka"] for channel in asyncapi["channels"].values()}
    assert found.keys() == wanted.keys()
    for name, binding in found.items():
        assert binding["replicas"] == 3
        assert binding["topicConfiguration"]["max.message.bytes"] == int(wanted[name].config["max.message.bytes"])
    assert found["adapter.releases"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    used = {operation["channel"]["$ref"] for operation in asyncapi["operations"].values()}
    assert used == {f"#/channels/{name}" for name in asyncapi["channels"]}


@pytest.mark.parametrize("message", examples(), ids=lambda message: type(message).__name__)
def test_what_is_written_is_read_as_the_same(message: Message) -> None:
    assert codec.decode(type(message), codec.encode(message)) == message
    if isinstance(message, SanmRequest | Rejected):
        assert codec.decode_request(codec.encode(message)) == message


def test_field_notes_of_the_docstrings_reach_the_schemas() -> None:
    request = json.loads((FOLDER / "sanm.requests.SanmRequest.json").read_text("utf-8"))
    assert "duplicates" not in request["description"]
    assert "hexadecimal" in request["properties"]["prompt_hash"]["description"]
    assert "-1 before the very first" in request["properties"]["after"]["description"]
