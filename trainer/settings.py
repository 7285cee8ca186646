"""Settings of ``sentistream train-base`` (``TRAIN_BASE_``) and of ``sentistream trainer`` (``TRAINER_``)."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.event import Policy
from trainer.lora.trackers import TrackerName


class TrainBaseSettings(BaseSettings):
    """How the model that ships is made. The defaults are those that made it, but for the files."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="TRAIN_BASE_")

    train_file: Path = Field(description="MELD's train_sent_emo.csv.")
    dev_file: Path = Field(description="MELD's dev_sent_emo.csv: chooses the weights, fits temperature and threshold.")
    also: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="More training files, FORMAT:SHARE:PATH with commas between; each drawn message is seen once.",
    )
    work_folder: Path = Field(default=Path("train-base"), description="Checkpoints; a killed run goes on here.")
    model_folder: Path = Field(description="Where the finished model goes.")
    model_name: str = Field(default="sentistream-en-22m", description="The name in the model's profile.")
    epochs: int = Field(default=3, ge=1, description="Passes over the main training file.")
    batch_size: int = Field(default=32, ge=1, description="Sequences a step.")
    learning_rate: float = Field(default=1e-4, gt=0, description="At the end of the warm-up.")
    warm_up: float = Field(default=0.06, ge=0, lt=1, description="Share of the steps that warm up.")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's.")
    later_decisions: float = Field(default=0.3, ge=0, description="Weight of decisions after the first in the loss.")
    averaging: float = Field(default=0.995, ge=0, lt=1, description="Decay of the weights' running average.")
    checkpoint_steps: int = Field(default=200, ge=1, description="Steps between checkpoints.")
    seed: int = Field(default=17, description="Of every random draw.")

    @field_validator("also", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ServingSettings(BaseSettings):
    """How the worker asks: it has the same settings, by the same names."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    sanm_policy: Policy = Field(default="calibrated", description="The worker's policy, by which the gate compares.")
    sanm_rounds: int = Field(default=3, ge=1, le=10, description="The worker's most rounds.")


class TrainerSettings(BaseSettings):
    """One refresh of the live adapter."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TRAINER_")

    recipe: str = Field(default="sentixrl", description="How to train: a recipe that ships, or a YAML file.")
    folder: Path = Field(
        default=Path("~/.local/share/sentistream/trainer"),
        description="Runs with their data, checkpoints and reports; a killed run goes on here.",
    )
    keep_runs: int = Field(default=10, ge=1, description="Runs that are kept there.")
    least_news: int = Field(
        default=50, ge=1, description="Label records since the last run, below which nothing is trained."
    )
    guards: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Labelled files on which a candidate must not lose, FORMAT:PATH with commas between; "
        "keep them out of what is trained on.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        description="Processes that train, one for each GPU of this machine; above 1 by `accelerate launch`.",
    )
    tracker: TrackerName = Field(default="none", description="Where training metrics go besides the log.")
    lease_seconds: float = Field(
        default=60.0, ge=3, description="A killed run's lock is free again after so long; a running one renews it."
    )

    @field_validator("guards", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


#: Of a refresh, at the longest.
RUN_SECONDS: Final = 6 * 3600.0


class ServeSettings(BaseSettings):
    """A refresh on a schedule, without cron."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TRAINER_")

    cron: str = Field(default="0 3 * * *", description="When: minute, hour, day of the month, month, day of the week.")
    timezone: str = Field(default="UTC", description="Of these times, such as Europe/Berlin.")
    stop_seconds: float = Field(
        default=20.0, ge=0, description="On SIGTERM, time for a running refresh to end by itself."
    )
    run_seconds: float = Field(
        default=RUN_SECONDS,
        gt=0,
        description="A refresh that takes longer is ended as on SIGTERM, and counts as failed; the next one goes on.",
    )
    metrics_port: int = Field(default=9103, ge=0, le=65535, description="Port of /metrics and /healthz; 0 for none.")
    metrics_host: str = Field(default="127.0.0.1", description="Address that this port is bound to.")
