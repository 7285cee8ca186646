"""What a refresh learns from, as settings."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Mixing = Literal["random", "equal"]


class FeedbackSettings(BaseSettings):
    """How labels become training data."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    trainer_replay_share: float = Field(
        default=1.0, ge=0, le=1, description="Share of the labels of earlier refreshes that is trained on again."
    )
    trainer_archive_days: float = Field(
        default=365.0,
        ge=0,
        description="How long labelled messages are kept in TRAINER_FOLDER, to be learnt from again once the topics "
        "have deleted them; 0: not at all.",
    )
    trainer_corpora: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Corpora that are mixed in, FORMAT:SHARE:PATH with commas between."
    )
    trainer_mixing: Mixing = Field(
        default="random",
        description="random: as the data come; equal: the same number of examples for each emotion, as many in all.",
    )
    trainer_not_people: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Values of labelled_by that are programs, with commas between: their labels are left out, "
        "as those of models and adapters always are.",
    )
    trainer_seed: int = Field(default=17, ge=0, description="Of every random draw.")

    @field_validator("trainer_corpora", "trainer_not_people", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
