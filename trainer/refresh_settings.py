"""All that a refresh is told, and what of it makes another candidate of the same labels."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from pydantic_settings import BaseSettings

from prompts.settings import PromptSettings
from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import TopicNames
from trainer.feedback.settings import FeedbackSettings
from trainer.gate.settings import GateSettings
from trainer.lora.recipe import Recipe
from trainer.registry.settings import RegistrySettings
from trainer.settings import ServingSettings, TrainerSettings
from trainer.watch.settings import ShadowSettings

#: In the order in which `--help` shows them.
CLASSES: Final[tuple[type[BaseSettings], ...]] = (
    TrainerSettings,
    RegistrySettings,
    FeedbackSettings,
    GateSettings,
    ShadowSettings,
    ServingSettings,
    PromptSettings,
    KafkaSettings,
    RedisSettings,
    TopicNames,
)


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """Everything, by what it is for."""

    trainer: TrainerSettings
    registry: RegistrySettings
    feedback: FeedbackSettings
    gate: GateSettings
    shadow: ShadowSettings
    serving: ServingSettings
    prompts: PromptSettings
    kafka: KafkaSettings
    redis: RedisSettings
    names: TopicNames

    @classmethod
    def of(cls, loaded: Mapping[type[BaseSettings], BaseSettings]) -> Self:
        """From what was read for `CLASSES`."""
        return cls(*(cast("Any", loaded[one]) for one in CLASSES))

    @property
    def folder(self) -> Path:
        """Where runs are kept."""
        return self.trainer.folder.expanduser()

    def checksum(self, recipe: Recipe) -> str:
        """Of all that changes a candidate or the verdict on it."""
        parts = (recipe, self.feedback, self.gate, self.serving, self.prompts)
        facts = [one.model_dump(mode="json") for one in parts]
        return hashlib.sha256(json.dumps([*facts, self.trainer.guards], sort_keys=True).encode()).hexdigest()
