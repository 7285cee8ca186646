"""The six topics: names, partitions, settings for the embedded and the production cluster."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Profile = Literal["embedded", "production"]

_MIB: Final = 1024 * 1024
_DAY_MS: Final = 86_400_000


class TopicNames(BaseSettings):
    """What the topics are called; a prefix keeps several deployments apart on one cluster."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    topic_prefix: str = Field(
        default="", description="Put before every topic's name.", pattern=r"^[A-Za-z0-9._-]{0,100}$"
    )

    @property
    def messages(self) -> str:
        """What platforms publish."""
        return f"{self.topic_prefix}chat.messages"

    @property
    def requests(self) -> str:
        """Messages with their prompt's parts."""
        return f"{self.topic_prefix}sanm.requests"

    @property
    def events(self) -> str:
        """What dashboards read."""
        return f"{self.topic_prefix}emotion.events"

    @property
    def labels(self) -> str:
        """What people say."""
        return f"{self.topic_prefix}emotion.labels"

    @property
    def releases(self) -> str:
        """Which adapter is live."""
        return f"{self.topic_prefix}adapter.releases"

    @property
    def dead_letters(self) -> str:
        """What could not be read."""
        return f"{self.topic_prefix}dead.letters"

    @property
    def relabels(self) -> str:
        """What another adapter says of past messages; made by `sentistream relabel`, none of the six."""
        return f"{self.topic_prefix}emotion.relabels"


@dataclass(frozen=True, slots=True)
class Topic:
    """How one topic is made.

    Attributes:
        config: Kafka's topic settings.
    """

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topics(names: TopicNames, profile: Profile, partitions: int) -> tuple[Topic, ...]:
    """All six topics. The three main ones have the same number of partitions (guarantee 12).

    ``max.message.bytes`` rises along the way, since a request carries its message and a dead letter its request.
    """
    return (
        _topic(profile, names.messages, partitions, 1, 7),
        _topic(profile, names.requests, partitions, 2, 7),
        _topic(profile, names.events, partitions, 2, 30),
        _topic(profile, names.labels, partitions, 1, 365),
        _topic(profile, names.dead_letters, partitions, 4, 90),
        _topic(profile, names.releases, 1, 1, 0, **{"cleanup.policy": "compact"}),
    )


def is_pipelines(topic: str) -> bool:
    """Whether it is one of the six, of this deployment or, by its prefix, of any other on the cluster."""
    return topic.endswith(tuple(one.name for one in topics(TopicNames(topic_prefix=""), "embedded", 1)))


def relabel_topic(names: TopicNames, profile: Profile, partitions: int) -> Topic:
    """The topic of `sentistream relabel`, with as many partitions as ``chat.messages``."""
    return _topic(profile, names.relabels, partitions, 2, 30)


def _topic(profile: Profile, name: str, count: int, mib: int, days: int, **more: str) -> Topic:
    production = profile == "production"
    durable = {"min.insync.replicas": "2" if production else "1", "unclean.leader.election.enable": "false"}
    retention = {"retention.ms": str(days * _DAY_MS)} if days else {}
    config = {**durable, "max.message.bytes": str(mib * _MIB), **retention, **more}
    return Topic(name, count, 3 if production else 1, config)


#: The largest record that any client of ours must be able to send or fetch, in bytes.
MAX_RECORD_BYTES: Final = 4 * _MIB
