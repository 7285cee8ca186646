"""Training an adapter: from examples to the folder that a worker loads."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog
from peft import PeftModel
from transformers import PreTrainedModel

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.adapter import weights_sha256
from trainer.examples import Example
from trainer.lora.devices import accelerator_for, taught_in
from trainer.lora.errors import NothingToTrainOnError
from trainer.lora.loading import (
    adapter_state,
    add_adapter,
    load_base,
    same_shape,
    take_weights,
    write_adapter,
)
from trainer.lora.material import fitted
from trainer.lora.recipe import Recipe
from trainer.lora.share_file import write_choice
from trainer.lora.shares import Yardsticks
from trainer.lora.trackers import LogTracker, Tracker
from trainer.lora.training import Data, Halt, LoraTraining
from trainer.lora.way import Way

log = structlog.get_logger()

#: In place of a live adapter's checksum.
_FRESH: Final = "fresh"


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """How training went.

    Attributes:
        losses: of each step.
        development_macro_f1: after each epoch.
        best_epoch: the one whose weights were written, from 1; the last where there is no development data.
        left_out: examples that were too long.
        seconds: of this process; a resumed run's do not count what was done before.
    """

    losses: tuple[float, ...]
    development_macro_f1: tuple[float, ...]
    best_epoch: int
    left_out: int
    seconds: float


def train_adapter(  # noqa: PLR0913 - one place calls it, and each argument is a fact of the run
    base: Path,
    recipe: Recipe,
    train: Sequence[Example],
    development: Sequence[Example],
    work: Path,
    out: Path,
    *,
    guards: Mapping[str, Sequence[Example]] = MappingProxyType({}),
    calibration_error: float = 1.0,
    parent: Path | None = None,
    name: str | None = None,
    tracker: Tracker | None = None,
    halt: Halt = lambda: None,
) -> TrainingResult:
    """Train a LoRA adapter and write it as PEFT does, for the worker to load.

    A run that is killed goes on from the last checkpoint to the same losses and weights; a checkpoint of other data or
    another recipe, or one that cannot be read, is deleted, and training begins anew. Under ``accelerate launch``
    every process calls this, and the first one writes.

    Args:
        base: the base model's folder.
        recipe: how.
        train: what is learnt.
        development: the platform's, chooses the epoch by macro-F1, and the share of the way; may be empty.
        work: checkpoints; a folder for this run alone.
        out: gets ``adapter_model.safetensors`` and ``adapter_config.json``; ``interpolation.json`` too where the recipe
            lets the share be chosen.
        guards: of what is not to be unlearnt, by name, conversations that are not trained on; they choose as well.
        calibration_error: beyond chance, that the chosen share stays under.
        parent: the live adapter, which training begins with if the recipe says so.
        name: of the run, for the tracker; that of the folder ``work`` if None.
        tracker: is told the metrics; the log if None.
        halt: is called before each step; what it raises ends the run after a checkpoint.

    Raises:
        RecipeError: the recipe does not fit the model.
        QuantizationError: 4-bit weights cannot be had here.
        UnfitModelError: the model or its prompts cannot be trained.
        NothingToTrainOnError: no example is left.
    """
    began = time.monotonic()
    accelerator = accelerator_for(recipe)
    roles = RolePrompts(ModelProfile.read(base), PromptTokenizer(base))
    sticks = Yardsticks(
        fitted(development, recipe, roles), {name: fitted(guard, recipe, roles) for name, guard in guards.items()}
    )
    data = Data(fitted(train, recipe, roles), sticks.all())
    if not data.train:
        raise NothingToTrainOnError(f"none of {len(train)} examples is within {recipe.max_tokens} tokens")
    model = load_base(
        base, dtype=taught_in(recipe, accelerator.device), device=accelerator.device, quantization=recipe.quantization
    )
    tuned, start = _begin(model, recipe, parent)
    begun = adapter_state(tuned)
    run = f"{weights_sha256(base)} {start}"
    training = LoraTraining(accelerator, tuned, recipe, data, roles, work, run)
    history = training.run(name or work.name, tracker or LogTracker(), halt)
    if accelerator.is_main_process:
        way = Way(tuned, begun, history.best, start == _FRESH, parent)
        state, choice = way.chosen(recipe, sticks, calibration_error, halt)
        write_adapter(out, tuned, state, roles.profile.name)
        if choice is not None:
            write_choice(out, choice)
    accelerator.wait_for_everyone()
    best = history.best_epoch + 1 if history.scores else -(-len(history.losses) // training.plan.per_epoch)
    result = TrainingResult(
        losses=tuple(history.losses),
        development_macro_f1=tuple(history.scores),
        best_epoch=best,
        left_out=len(train) - len(data.train),
        seconds=time.monotonic() - began,
    )
    log.info("adapter_trained", steps=len(result.losses), best_epoch=best, left_out=result.left_out)
    return result


def _begin(model: PreTrainedModel, recipe: Recipe, parent: Path | None) -> tuple[PeftModel, str]:
    """A fresh adapter, or the live one's weights; and what identifies the start."""
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    tuned = add_adapter(model, recipe)
    if parent is None or not recipe.continue_from_live:
        return tuned, _FRESH
    if not same_shape(parent, recipe):
        log.warning("live_adapter_has_another_shape", live=parent.name, detail="training begins with a fresh adapter")
        return tuned, _FRESH
    take_weights(tuned, parent)
    return tuned, weights_sha256(parent)
