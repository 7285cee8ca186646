"""The AsyncAPI 3.0 document: all topics, who writes and reads them, and one example of each message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from schemas.base import Message
from schemas.examples import dead_letter, examples
from schemas.topics import Topic, TopicNames, relabel_topic, topics

#: Of the bindings' specification; only these settings have a place in it.
_BINDING_VERSION: Final = "0.5.0"
_BINDING_CONFIG: Final = ("retention.ms", "max.message.bytes")
_PARTITIONS: Final = 6
_CONVERSATION: Final = "The conversation's id, UTF-8. Writers use Java's murmur2 partitioner."


@dataclass(frozen=True, slots=True)
class Channel:
    """What the document says of a topic.

    Attributes:
        messages: names of the models whose records stand there; empty for dead letters, which are bytes.
        actions: what Sentistream itself does with the topic, by operation name.
    """

    topic: str
    description: str
    key: str
    messages: tuple[str, ...]
    actions: dict[str, Literal["send", "receive"]]


def channels(names: TopicNames) -> tuple[Channel, ...]:
    """All topics, in the order of a message's way; dead letters last."""
    return (
        Channel(
            names.messages,
            "What platforms publish: one record for each message that a person sent.",
            _CONVERSATION,
            ("ChatMessage",),
            {"takeMessages": "receive"},
        ),
        Channel(
            names.requests,
            "Internal, from streams to worker: a message with its prompt's parts, or why it has none; in the partition "
            "number of its message.",
            _CONVERSATION,
            ("SanmRequest", "Rejected"),
            {"requestLabels": "send", "takeRequests": "receive"},
        ),
        Channel(
            names.events,
            "What dashboards read, with isolation.level=read_committed: exactly one event for each readable message.",
            _CONVERSATION,
            ("EmotionEvent",),
            {"publishEvents": "send"},
        ),
        Channel(
            names.labels,
            "What people say an emotion is.",
            _CONVERSATION,
            ("EmotionLabel",),
            {"takeLabels": "receive"},
        ),
        Channel(
            names.releases,
            "Internal, from trainer to worker: which adapter of a model is live.",
            "The model's name, UTF-8.",
            ("AdapterRelease",),
            {"releaseAdapters": "send", "followReleases": "receive"},
        ),
        Channel(
            names.relabels,
            "Made by `sentistream relabel`: past messages, answered again by another adapter.",
            _CONVERSATION,
            ("Relabel",),
            {"publishRelabels": "send"},
        ),
        Channel(
            names.dead_letters,
            "Records that could not be read: the original key and value, byte for byte, and the facts in headers.",
            "As the original.",
            (),
            {"publishDeadLetters": "send"},
        ),
    )


def document(version: str) -> dict[str, Any]:
    """The whole document; payloads are references to the JSON Schemas beside it."""
    names = TopicNames(topic_prefix="")
    made = (*topics(names, "production", _PARTITIONS), relabel_topic(names, "production", _PARTITIONS))
    settings = {topic.name: topic for topic in made}
    found = channels(names)
    shown = {type(one).__name__: one for one in examples()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sentistream",
            "version": version,
            "description": "One emotion event for each chat message. Readers ignore fields that they do not know; a "
            "new major schema_version is another format.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka"}},
        "channels": {_id(one.topic): _channel(one, settings[one.topic]) for one in found},
        "operations": {
            name: {"action": action, "channel": {"$ref": f"#/channels/{_id(one.topic)}"}}
            for one in found
            for name, action in one.actions.items()
        },
        "components": {
            "messages": {name: _message(shown[name], one) for one in found for name in one.messages}
            | {"DeadLetter": _dead_letter(found[-1])},
            "messageTraits": {"traced": {"headers": _traced()}},
        },
    }


def _id(topic: str) -> str:
    """``chat.messages`` as ``chatMessages``."""
    first, *rest = topic.split(".")
    return first + "".join(word.capitalize() for word in rest)


def _channel(channel: Channel, topic: Topic) -> dict[str, Any]:
    config: dict[str, Any] = {name: int(topic.config[name]) for name in _BINDING_CONFIG if name in topic.config}
    config["cleanup.policy"] = [topic.config.get("cleanup.policy", "delete")]
    binding = {"topic": topic.name, "replicas": topic.replication, "topicConfiguration": config}
    if topic.partitions == 1:  # of the others, a deployment has as many as it likes
        binding["partitions"] = 1
    messages = channel.messages or ("DeadLetter",)
    return {
        "address": channel.topic,
        "description": channel.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {**binding, "bindingVersion": _BINDING_VERSION}},
    }


def _message(example: Message, channel: Channel) -> dict[str, Any]:
    return {
        "name": type(example).__name__,
        "traits": [{"$ref": "#/components/messageTraits/traced"}],
        "contentType": "application/json",
        "payload": {"$ref": f"{schema_file(channel, type(example).__name__)}"},
        "bindings": _key(channel),
        "examples": [{"payload": example.model_dump(mode="json", exclude_none=True)}],
    }


def _dead_letter(channel: Channel) -> dict[str, Any]:
    headers = {name: value.decode() for name, value in dead_letter().to_headers()}
    return {
        "name": "DeadLetter",
        "contentType": "application/octet-stream",
        "headers": {"$ref": schema_file(channel, "DeadLetter")},
        "payload": {"description": "The original value; null where it had none."},
        "bindings": _key(channel),
        "examples": [{"headers": headers}],
    }


def schema_file(channel: Channel, name: str) -> str:
    """The JSON Schema's file; topics with one kind of record are named by themselves."""
    several: Sequence[str] = channel.messages
    if not several:
        return f"{channel.topic}.headers.json"
    return f"{channel.topic}.json" if len(several) == 1 else f"{channel.topic}.{name}.json"


def _key(channel: Channel) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": channel.key}, "bindingVersion": _BINDING_VERSION}}


def _traced() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"traceparent": {"type": "string", "description": "W3C trace context, carried through."}},
    }
