"""The documents for those who do not read our Python: JSON Schema for each message, AsyncAPI for the topics."""

import inspect
import json
import re
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from schemas.asyncapi import channels, document, schema_file
from schemas.base import Frozen
from schemas.dead_letter import HEADER_PREFIX, DeadLetter
from schemas.examples import examples
from schemas.topics import TopicNames

ASYNCAPI_FILE: Final = "asyncapi.yaml"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: A line of a docstring's section on attributes, with what is indented under it.
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def documents(version: str) -> dict[str, str]:
    """All documents, text by file name.

    Args:
        version: of the product, as the AsyncAPI document names it.
    """
    kinds: dict[str, type[BaseModel]] = {type(one).__name__: type(one) for one in examples()}
    found = {
        schema_file(one, name): json_schema(kinds[name])
        for one in channels(TopicNames(topic_prefix=""))
        for name in one.messages
    }
    *_, dead_letters = channels(TopicNames(topic_prefix=""))
    found[schema_file(dead_letters, "DeadLetter")] = _headers_schema()
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in found.items()}
    return texts | {ASYNCAPI_FILE: yaml.safe_dump(document(version), sort_keys=False, allow_unicode=True, width=110)}


def write(folder: Path, version: str) -> list[str]:
    """Write all documents; the names of those that changed. Whatever else stands in the folder is left alone."""
    changed = outdated(folder, version)
    folder.mkdir(parents=True, exist_ok=True)
    texts = documents(version)
    for name in changed:
        (folder / name).write_text(texts[name], encoding="utf-8")
    return changed


def outdated(folder: Path, version: str) -> list[str]:
    """Names of documents that are missing or not as the models say."""
    return [
        name
        for name, text in documents(version).items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def json_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema, its fields described by the docstrings."""
    schema = kind.model_json_schema(mode="validation")
    # Others make models of this base too, by names of their own choice.
    models = {one.__name__: one for one in _below(Frozen) if one.__module__.startswith("schemas.")}
    for name, part in {kind.__name__: schema, **schema.get("$defs", {})}.items():
        part["description"] = part.get("description", "").split("\n\nAttributes:", 1)[0]
        for field, words in _attributes(models[name]).items():
            part["properties"][field].setdefault("description", words)
    return {"$schema": _DIALECT, **schema}


def _below(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for child in kind.__subclasses__() for one in (child, *_below(child))]


def _attributes(kind: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and of those that it is made from say of its fields."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        _, _, section = inspect.cleandoc(owner.__doc__ or "").partition("\nAttributes:\n")
        found |= {name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(section)}
    return {name: words for name, words in found.items() if name in kind.model_fields}


def _headers_schema() -> dict[str, Any]:
    """Headers are all text: numbers in digits, the source as JSON."""
    facts = json_schema(DeadLetter)
    properties = {
        HEADER_PREFIX + name: {"type": "string", **{key: field[key] for key in ("enum", "description") if key in field}}
        for name, field in facts["properties"].items()
    }
    required = [HEADER_PREFIX + name for name in facts["required"]]
    head = {name: facts[name] for name in ("$schema", "title", "description")}
    return {**head, "type": "object", "properties": properties, "required": required}
