"""The worker's settings; each is an environment variable and an option of `sentistream worker`."""

import socket
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from prompts.profile import SHIPPED_MODEL
from schemas.connections import KafkaSettings
from schemas.event import Mode, Policy
from schemas.topics import TopicNames
from schemas.tracing import TraceSettings
from worker.load_settings import LoadSettings

EngineName = Literal["vllm", "openai", "scripted"]


class SanmSettings(KafkaSettings, TopicNames):
    """How labels are negotiated, and by which engine."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model: str = Field(default=SHIPPED_MODEL, description="Model folder, or the name of one that ships.")
    engine: EngineName = Field(default="vllm", description="vLLM in this process, a server, or a script for tests.")
    sanm_policy: Policy = Field(default="calibrated", description="When the discriminator is asked.")
    sanm_rounds: int = Field(default=3, ge=1, le=10, description="Most rounds before a message is an outlier.")
    sanm_mode: Mode = Field(default="direct", description="Labels only, or with deduction and reasons in words.")
    deduction_every: int = Field(
        default=4, ge=1, description="Turns of a conversation after which its deduction is made anew (reasoned mode)."
    )
    event_text: bool = Field(default=True, description="Events carry the message's text.")
    adapters_cache: Path = Field(
        default=Path("~/.cache/sentistream/adapters"), description="Where adapters from other machines are kept."
    )
    adapters_cache_keep: int = Field(
        default=5, ge=1, description="Versions of the model that are kept there besides those that are loaded."
    )


class EngineSettings(SanmSettings):
    """What the engines need."""

    engine_timeout_seconds: float = Field(default=60.0, gt=0, description="One call to the engine, at most.")
    vllm_dtype: str = Field(
        default="auto",
        description="vLLM's number format: auto, bfloat16, float32; auto is the fast one of them on this machine.",
    )
    vllm_max_num_seqs: int = Field(default=128, ge=1, description="Sequences that vLLM works on in one step.")
    vllm_max_batched_tokens: int = Field(default=2048, ge=64, description="Tokens that vLLM works on in one step.")
    vllm_threads: int | None = Field(default=None, ge=1, description="CPU threads of vLLM. Default: one per core.")
    vllm_gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1, description="Share of the GPU's memory.")
    vllm_tensor_parallel_size: int = Field(default=1, ge=1, description="GPUs that share one model.")
    adapter_slots: int = Field(default=3, ge=0, description="Adapter versions at a time; 0 serves the base model.")
    max_adapter_rank: int = Field(default=16, ge=1, description="Largest rank of an adapter.")
    openai_base_url: str = Field(default="http://localhost:8000/v1", description="Address of the server.")
    openai_api_key: SecretStr | None = Field(default=None, description="Key for the server.")
    openai_api_key_file: Path | None = Field(default=None, description="File with this key.")
    openai_model: str | None = Field(default=None, description="Model name there; left out: the profile's name.")
    scripted_seed: int = Field(default=0, description="Seed of the scripted engine's answers and delays.")
    scripted_delay_seconds: float = Field(default=0.0, ge=0, description="Delay of each scripted answer.")
    scripted_jitter: bool = Field(default=True, description="Scripted delays vary by half, up and down.")


class WorkerSettings(EngineSettings, LoadSettings, TraceSettings):
    """The exactly-once consumer."""

    worker_id: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Stable name of this replica, of which no two may be the same. Default: the host's name.",
    )
    worker_group: str = Field(default="sentistream-worker", min_length=1, description="Consumer group.")
    max_in_flight: int = Field(default=512, ge=1, description="Requests that are worked on at once.")
    commit_linger_ms: float = Field(default=5.0, ge=0, description="Longest wait for more answers before a commit.")
    commit_events: int = Field(default=1000, ge=1, description="Most events of one transaction.")
    transaction_timeout_ms: int = Field(
        default=15_000, ge=1_000, description="Kafka aborts a transaction that is open for longer."
    )
    kafka_deadline_seconds: float = Field(
        default=60.0, gt=0, description="Longest wait for Kafka in one operation before the worker stops."
    )
    outage_grace_seconds: float = Field(
        default=5.0, ge=0, description="An engine that is out for longer pauses the consumption."
    )
    watchdog_seconds: float = Field(
        default=120.0, gt=0, description="Nothing committed for so long, with work pending and no outage: stop."
    )
    stop_seconds: float = Field(default=20.0, ge=0, description="On SIGTERM, time to finish what is in flight.")
    gap_deadline_seconds: float = Field(
        default=180.0, gt=0, description="A gap among the requests that stays open for longer stops the worker."
    )
    gap_deadline_requests: int = Field(
        default=5_000, ge=1, description="Requests behind an open gap after which the worker stops."
    )
    dead_letter_share: float = Field(
        default=0.5, gt=0, le=1, description="Share of dead letters above which the worker stops; 1 never does."
    )
    dead_letter_window: int = Field(default=500, ge=10, description="The records that this share is taken over.")
    accept_missing_watermark: bool = Field(
        default=False, description="Go on from an offset that was committed without a watermark."
    )
    accept_loss: bool = Field(default=False, description="Go on past requests that are missing for good.")
    metrics_port: int = Field(default=9102, ge=0, le=65535, description="Port of /metrics and /healthz; 0 for none.")
    metrics_host: str = Field(default="127.0.0.1", description="Address that this port is bound to.")
