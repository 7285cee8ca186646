"""A running average of a model's weights, which answers better than the last ones."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(average: Mapping[str, Tensor], model: nn.Module, steps: int, decay: float) -> None:
    """Move the average towards the model's weights, in place.

    Args:
        average: of each parameter, in the model's order.
        model: after a step.
        steps: that were made. A young average follows fast, or it would hold on to the warm start.
        decay: share that an old average keeps.
    """
    own = [value.detach() for value in model.parameters()]
    # One call for all of them, as torch's own swa_utils has it.
    torch._foreach_lerp_(list(average.values()), own, 1 - min(decay, (1 + steps) / (10 + steps)))
