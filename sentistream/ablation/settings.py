"""Settings of ``sentistream ablate``."""

from pathlib import Path
from typing import Annotated, get_args

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from prompts.profile import SHIPPED_MODEL
from trainer.ablation.tables import TableName

ALL_TABLES = get_args(TableName)


class AblateSettings(BaseSettings):
    """Which tables, on which files, and how much each cell may cost."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="ABLATE_", protected_namespaces=())

    model: str = Field(
        default=SHIPPED_MODEL,
        validation_alias="MODEL",
        description="Model folder, or the name of one that ships.",
    )
    tables: Annotated[tuple[TableName, ...], NoDecode] = Field(
        default=ALL_TABLES, description=f"With commas between: {', '.join(ALL_TABLES)}."
    )
    dev: Annotated[tuple[str, ...], NoDecode] = Field(
        description="Development files to be asked, FORMAT:PATH with commas between."
    )
    train: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Training files, likewise; without any, tables that train are left out."
    )
    engine: str = Field(
        default="local",
        pattern="^(local|openai|vllm|scripted)$",
        description="As of sentistream evaluate; a cell that trains needs local.",
    )
    out: Path = Field(default=Path("ablations"), description="One JSON file for each cell, and tables.md.")
    work: Path = Field(default=Path("ablate-work"), description="Checkpoints and adapters; a stopped run goes on here.")
    answers: Path = Field(default=Path("~/.cache/sentistream/answers"), description="Answers that are kept.")
    recipe: str = Field(default="plain", description="What the cells' training begins from.")
    budget_steps: int = Field(default=60, ge=0, description="Steps of training of a cell; 0 leaves out what trains.")
    batch_size: int = Field(default=16, ge=1, description="Examples a step.")
    train_all: bool = Field(default=False, description="Train the cells of the other tables too, their own way.")
    messages: int = Field(default=400, ge=1, description="Development messages that are asked of each file, about.")

    @field_validator("tables", "dev", "train", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
