"""What the demo needs: two corpora, and how people label."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class LoopDemoSettings(BaseSettings):
    """The platform, its people, and where the result goes."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="LOOP_", populate_by_name=True)

    emocontext_train: Path = Field(
        validation_alias="EMOCONTEXT_TRAIN", description="EmoContext's train.txt: the platform's conversations."
    )
    emocontext_valid: Path = Field(
        validation_alias="EMOCONTEXT_VALID", description="EmoContext's valid.txt: shows what the platform gains."
    )
    meld_train: Path = Field(
        validation_alias="MELD_TRAIN", description="MELD's train_sent_emo.csv: mixed in, so that it is not unlearnt."
    )
    meld_dev: Path = Field(
        validation_alias="MELD_DEV",
        description="MELD's dev_sent_emo.csv: shows what is unlearnt, and guards releases; never trained on.",
    )
    steps: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(500, 1000, 2000), description="Labelled messages before each refresh."
    )
    out: Path = Field(default=Path("loop-demo"), description="Table, plot, the trainer's log and runs.")
    rate: float = Field(default=8.0, gt=0, description="Messages a second while the trainer works.")
    arrival_rate: float = Field(
        default=60.0, gt=0, description="Messages a second until there are enough of them to be labelled."
    )
    annotators: int = Field(default=3, ge=1, le=9, description="People who label each message.")
    annotator_error: float = Field(
        default=0.05, ge=0, lt=1, description="Share of a person's labels that are wrong, at random."
    )
    meld_share: float = Field(default=0.3, ge=0, le=1, description="Share of MELD's training messages mixed in.")
    recipe: str = Field(default="sentixrl:new-domain", description="The trainer's.")
    seed: int = Field(default=17, ge=0, description="Order of the conversations, and people's errors.")

    @field_validator("steps", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(int(part) for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("steps")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or sorted(set(value)) != list(value) or value[0] < 1:
            msg = "write rising numbers with commas between, as 500,1000,2000"
            raise ValueError(msg)
        return value
