"""Where adapters are kept."""

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_DEFAULT: Final = "~/.local/share/sentistream/adapters"


class RegistrySettings(BaseSettings):
    """The registry's place; the trainer's settings have it too."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    registry: str = Field(
        default=_DEFAULT,
        validation_alias="TRAINER_REGISTRY",
        min_length=1,
        description="Where adapters are kept: a folder that workers reach too, or an address such as s3://bucket/path.",
    )

    @property
    def registry_address(self) -> str:
        """With the home folder filled in, where it is a path."""
        return self.registry if "://" in self.registry else str(Path(self.registry).expanduser().absolute())
