"""Settings of ``sentistream train-base``; as environment variables they begin with ``TRAIN_BASE_``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


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
