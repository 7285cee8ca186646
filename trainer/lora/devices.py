"""What accelerate does for training: devices, mixed precision, and the same step on many GPUs."""

from contextlib import nullcontext
from typing import Any, Final

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from transformers import PreTrainedModel

from trainer.batches import Batch
from trainer.decisions import Scores, decide
from trainer.lora.loading import answering_device
from trainer.lora.recipe import Recipe
from trainer.precision import computed_in

_MIXED: Final = {torch.bfloat16: "bf16", torch.float32: "no"}


class Decider(nn.Module):
    """A model whose forward pass is its decisions, so that wrappers for many GPUs see every use of its weights."""

    def __init__(self, model: PreTrainedModel, *, vocabulary: bool) -> None:
        super().__init__()
        self.model = model
        self._vocabulary = vocabulary

    def forward(self, batch: Batch) -> Scores:
        """Scores at the batch's decisions and text."""
        return decide(self.model, batch, vocabulary=self._vocabulary)


def taught_in(recipe: Recipe, device: torch.device) -> torch.dtype:
    """The recipe's precision, where the device is not faster without."""
    return computed_in(device) if recipe.precision == "bf16" else torch.float32


def accelerator_for(recipe: Recipe) -> Accelerator:
    """The devices that ``accelerate launch`` gave, or this machine's one."""
    # accelerate keeps the first precision of a process for ever; a scheduler's next run may have another recipe.
    AcceleratorState._reset_state()  # noqa: SLF001 - there is no public way
    return Accelerator(mixed_precision=_MIXED[taught_in(recipe, answering_device())])


def summed(accelerator: Accelerator, value: Tensor) -> Tensor:
    """Over all processes."""
    return accelerator.reduce(value, reduction="sum")


def gathered(accelerator: Accelerator, value: Tensor) -> Tensor:
    """All processes' tensors of like shape, one below the other, on the CPU."""
    return accelerator.gather(value).cpu()


def accumulating(accelerator: Accelerator, model: nn.Module, *, last: bool) -> Any:
    """Gradients are exchanged with a step's last part only."""
    return nullcontext() if last else accelerator.no_sync(model)


def optimizer_for(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.AdamW:
    """AdamW over what is trained."""
    trained = [value for value in model.parameters() if value.requires_grad]
    fused = device.type in ("cpu", "cuda")
    return torch.optim.AdamW(
        trained, recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay, fused=fused
    )
