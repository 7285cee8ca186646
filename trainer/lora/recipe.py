"""How an adapter is trained: one YAML file per recipe, with what differs for other models."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainer.lora.errors import RecipeError

#: In a recipe's file: fields that differ for a model, by the model's name.
VARIANTS: Final = "variants"

#: Of the way from the beginning of training to its end.
Share = Annotated[float, Field(gt=0, le=1)]


class Recipe(BaseModel):
    """All that decides what training makes of the same examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(ge=1, description="Rank r of each layer's update B A.")
    lora_alpha: float = Field(gt=0, description="The update is scaled by lora_alpha / rank.")
    lora_dropout: float = Field(ge=0, lt=1, description="Dropout of what goes into the update.")
    target_modules: tuple[str, ...] = Field(min_length=1, description="Names of the linear layers that get an update.")

    tasks: Literal["generator", "both"] = Field(
        description="Teach the generator's first answer alone, or whole negotiations: the generator's and the "
        "discriminator's answers together."
    )
    later_decisions: float = Field(ge=0, description="Weight of all answers after the first together; the first has 1.")
    gamma: float = Field(ge=0, description="Focal loss's focusing, (1 - p)^gamma; 0 is cross-entropy.")
    alpha: Literal["frequency"] | float | None = Field(
        description="Focal loss's weight of a label: by how rare it is among the examples, one number for all, or none."
    )
    alpha_power: float = Field(
        ge=0, le=1, description="With alpha by frequency: weight is rareness to this power; 1 evens all labels out."
    )
    among: Literal["labels", "vocabulary"] = Field(
        description="A label's probability is among the label set, as in direct mode, or among all words."
    )
    text_weight: float = Field(ge=0, description="Weight of cross-entropy on text, such as a reason after the label.")

    history_turns: int | None = Field(
        ge=0, description="Most turns of history (the papers' k); the prompts as they come if null."
    )
    max_tokens: int | None = Field(
        ge=16,
        description="Longest prompt: the oldest turns go first; what is still too long is left out. None if null.",
    )

    epochs: int = Field(ge=1, description="Passes over the examples, at most.")
    max_steps: int | None = Field(ge=1, description="Steps at most; no such bound if null.")
    patience: int | None = Field(
        ge=1, description="End after so many epochs without a better macro-F1 on development data; never if null."
    )
    batch_size: int = Field(ge=1, description="Examples a step, over all devices.")
    micro_batch: int = Field(ge=1, description="Examples that a device takes at once; gradients add up to a batch.")
    learning_rate: float = Field(gt=0, description="At the end of the warm-up.")
    warm_up: float = Field(ge=0, lt=1, description="Share of the steps in which the rate rises.")
    final_rate: float = Field(ge=0, le=1, description="The cosine falls to this share of the rate.")
    betas: tuple[float, float] = Field(description="AdamW's averaging of gradients and of their squares.")
    weight_decay: float = Field(ge=0, description="AdamW's.")
    gradient_norm: float = Field(gt=0, description="Gradients are cut to this norm.")

    interpolation: Share | tuple[Share, ...] = Field(
        description="What is written lies so far between the weights that training began with and those that it ended "
        "with (WiSE-FT, arXiv 2109.01903): less than 1 gives up some of what is new, and keeps more of what was known. "
        "Of a list, each refresh takes the share that is best on the platform's development messages, as far as "
        "interpolation_loss allows.",
    )
    interpolation_loss: float = Field(
        ge=0,
        le=1,
        description="With a list: weighted F1 that the share may lose on any corpus, on conversations that were not "
        "trained on. Where each share loses more, the smallest is written.",
    )

    precision: Literal["bf16", "fp32"] = Field(description="Of the base weights and of the arithmetic.")
    quantization: Literal["4bit"] | None = Field(
        description="Hold the base weights in 4 bits (NF4, bitsandbytes; on a GPU only), or as precision says if null."
    )
    gradient_checkpointing: bool = Field(description="Compute activations again instead of keeping them: less memory.")

    continue_from_live: bool = Field(description="Begin with the live adapter's weights, where they have this shape.")
    checkpoint_steps: int = Field(ge=1, description="Steps between checkpoints; each epoch ends with one too.")
    seed: int = Field(ge=0, description="Of every random draw.")

    @field_validator("interpolation")
    @classmethod
    def _some(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if value == ():
            msg = "write one share of the way, or several"
            raise ValueError(msg)
        return value

    @property
    def shares(self) -> tuple[float, ...]:
        """Of `interpolation`, from the smallest; one where there is nothing to choose."""
        given = self.interpolation
        return tuple(sorted(set(given))) if isinstance(given, tuple) else (given,)

    @classmethod
    def load(cls, name: str) -> Self:
        """Read a recipe.

        Args:
            name: ``RECIPE`` or ``RECIPE:VARIANT``; the recipe is one that ships or a path that ends with .yaml.

        Raises:
            RecipeError: not there, or wrong; the text names the fields.
        """
        text, _, variant = name.partition(":")
        try:
            content = yaml.safe_load(_find(text).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise RecipeError(f"recipe {text!r} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise RecipeError(f"recipe {text!r} is no list of fields")
        variants: dict[str, Any] = content.pop(VARIANTS, None) or {}
        if variant and variant not in variants:
            known = ", ".join(variants) or "none"
            raise RecipeError(f"recipe {text!r} has no variant {variant!r}; it has {known}")
        try:
            return cls.model_validate({**content, **variants.get(variant, {})})
        except ValidationError as error:
            raise RecipeError(f"recipe {name!r}: {error}") from error


def names() -> list[str]:
    """The recipes that ship."""
    return sorted(one.name.removesuffix(".yaml") for one in _folder().iterdir() if one.name.endswith(".yaml"))


def _folder() -> Path:
    return Path(str(files("trainer"))) / "recipes"


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    path = _folder() / f"{name}.yaml"
    if not path.is_file():
        raise RecipeError(f"there is no recipe {name!r}: choose of {', '.join(names())}, or name a .yaml file")
    return path
