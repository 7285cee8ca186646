"""The settings that decide what prompts hold, and the builders that they ask for: the stream's and the trainer's."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompts.errors import ProfileError
from prompts.parts import HistoryRule, PartsBuilder
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.prompt import ALL_PARTS, Part
from schemas.taxonomy import load_taxonomy


class PromptSettings(BaseSettings):
    """What a prompt holds. Services that differ in one of these build different prompts for the same message."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    model: str = Field(
        default=SHIPPED_MODEL, description="Model folder, or the name of a model that ships, to cut prompts for."
    )
    taxonomy: str | None = Field(default=None, description="Label set; left out: the model's usual one.")
    taxonomies: Path | None = Field(default=None, description="Folder with label sets of your own.")
    prompt_parts: str | None = Field(
        default=None, description="Which of I, H, L, E prompts have, such as HL; left out: as the model was trained."
    )
    history_turns: int | None = Field(
        default=None, ge=0, le=64, description="Most earlier turns in a prompt; left out: as the model was trained."
    )
    session_gap_s: float = Field(
        default=1800.0, gt=0, description="A silence of more seconds than this starts a conversation's history anew."
    )

    @field_validator("prompt_parts")
    @classmethod
    def _known_parts(cls, value: str | None) -> str | None:
        if value is not None and (not value or set(value) - set(ALL_PARTS)):
            msg = "name some of the letters I, H, L, E, such as HL"
            raise ValueError(msg)
        return value

    @property
    def parts(self) -> tuple[Part, ...] | None:
        """The parts that were asked for, in their usual order; None for the model's own."""
        return None if self.prompt_parts is None else tuple(part for part in ALL_PARTS if part in self.prompt_parts)


class ServedBuilders:
    """The prompt builders that a deployment's settings ask for, one for each taxonomy of its model.

    Attributes:
        folder: of the model.
        profile: the model's.
        usual: name of the taxonomy that messages are answered in.
        taxonomies: folder with label sets of the platform's own, and maps between them; None where there is none.
    """

    def __init__(self, settings: PromptSettings) -> None:
        """Read the model's folder.

        Raises:
            ProfileError: the folder cannot be used, or the taxonomy is none that the model knows.
        """
        self._settings = settings
        self.taxonomies = settings.taxonomies
        self.folder = find_model(settings.model)
        self.profile = ModelProfile.read(self.folder)
        self.usual = settings.taxonomy or self.profile.taxonomies[0]
        self._by_taxonomy: dict[str, PartsBuilder] = {}
        self._check(self.usual)

    @cached_property
    def tokenizer(self) -> PromptTokenizer:
        """The model's."""
        return PromptTokenizer(self.folder)

    def of(self, taxonomy: str | None = None) -> PartsBuilder:
        """The builder of a taxonomy; of the usual one if none is named.

        Raises:
            ProfileError: the model does not know it.
            SchemaError: there is no such taxonomy, or its file cannot be used.
        """
        name = taxonomy or self.usual
        if name not in self._by_taxonomy:
            self._check(name)
            turns = self.profile.history_turns if self._settings.history_turns is None else self._settings.history_turns
            self._by_taxonomy[name] = PartsBuilder(
                self.profile,
                self.tokenizer,
                load_taxonomy(name, self._settings.taxonomies),
                HistoryRule(turns, self._settings.session_gap_s),
                self._settings.parts,
            )
        return self._by_taxonomy[name]

    def _check(self, name: str) -> None:
        if name not in self.profile.taxonomies:
            known = ", ".join(self.profile.taxonomies)
            raise ProfileError(
                f"model {self.profile.name} was not trained for taxonomy {name!r}: choose one of {known}"
            )
