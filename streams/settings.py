"""All that can be set, once, from the environment or the command line."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from prompts.settings import PromptSettings
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from schemas.tracing import TraceSettings

_DAY_S = 86_400.0


class StreamsSettings(PromptSettings, KafkaSettings, RedisSettings, TopicNames, TraceSettings):
    """How messages become requests."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    window_ttl_s: float = Field(
        default=8 * _DAY_S,
        gt=0,
        description="Redis forgets a window after so many seconds without a message; "
        "at least the retention of chat.messages.",
    )
    window_extra: int = Field(
        default=24,
        ge=0,
        le=1024,
        description="Turns kept beyond the history, so that a replayed dead letter finds its window.",
    )
    streams_group: str = Field(default="sentistream-streams", description="Kafka consumer group.")
    streams_instance: str | None = Field(
        default=None, description="Name of this replica, stable over restarts (Kafka's static membership)."
    )
    batch_size: int = Field(default=1000, ge=1, le=10_000, description="Most messages in one batch.")
    batch_wait_ms: int = Field(
        default=8, ge=1, le=1000, description="Pause between two questions to Kafka, in which messages gather."
    )
    buffer_mib: int = Field(default=64, ge=1, description="Fetched messages that may wait in memory, in MiB.")
    commit_interval_s: float = Field(default=1.0, gt=0, description="How often offsets are committed.")
    send_deadline_s: float = Field(
        default=60.0, gt=0, description="Kafka must confirm a batch's requests within this, or the process ends."
    )
    redis_deadline_s: float = Field(
        default=300.0, gt=0, description="How long to wait for a Redis that is away before the process ends."
    )
    redis_timeout_s: float = Field(default=5.0, gt=0, description="How long one call of Redis may take.")
    rebuild_messages: int = Field(
        default=1_000_000, ge=0, description="Most messages per partition to read again when Redis has lost windows."
    )
    rebuild_deadline_s: float = Field(default=600.0, gt=0, description="A rebuild must be done within this.")
    progress_deadline_s: float = Field(
        default=900.0, gt=0, description="Without progress for so long while messages wait, the process ends."
    )
    stop_deadline_s: float = Field(
        default=30.0, gt=0, description="After SIGTERM, the batch at hand must be done within this."
    )
    accept_loss: bool = Field(
        default=False, description="Go on although Kafka deleted messages that had not been read yet."
    )
    streams_host: str = Field(default="127.0.0.1", description="Address that /healthz and /metrics listen on.")
    streams_port: int = Field(
        default=9101, ge=0, le=65535, description="Port of /healthz and /metrics; 0 takes a free one."
    )

    @model_validator(mode="after")
    def _deadlines_fit(self) -> Self:
        if self.progress_deadline_s <= max(self.redis_deadline_s, self.rebuild_deadline_s, self.send_deadline_s):
            msg = "progress_deadline_s must be longer than the deadlines of Redis, rebuild and send"
            raise ValueError(msg)
        return self
