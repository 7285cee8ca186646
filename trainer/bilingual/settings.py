"""Settings of ``sentistream train-bilingual`` (``TRAIN_BILINGUAL_``); what decides the model stands in the recipe."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainBilingualSettings(BaseSettings):
    """Where things are, and how often a run is saved."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TRAIN_BILINGUAL_")

    recipe: str = Field(default="sentistream-enzh-37m", description="A recipe that ships, or a YAML file.")
    data: Path = Field(description="Folder that holds your copies of the corpora, as the recipe names them.")
    encoder: Path | None = Field(
        default=None, description="Jar of the English encoder; by default, Maven's copy in your home folder."
    )
    work_folder: Path = Field(
        default=Path("train-bilingual"), description="Checkpoints and figures; a killed run goes on here."
    )
    model_folder: Path = Field(description="Where the finished model goes.")
    compiled: bool = Field(default=True, description="Compile the layers; needs a C++ compiler.")
    checkpoint_seconds: float = Field(default=300.0, gt=0, description="Time between checkpoints.")
