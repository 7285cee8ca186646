"""Steps by AdamW, a running average of the weights, which answers better than the last ones, and both on disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
import torch
from torch import Tensor
from transformers import OPTForCausalLM, get_linear_schedule_with_warmup

from trainer import checkpoint
from trainer.checkpoint import Checkpoint

log = structlog.get_logger()

_GRADIENT_NORM: Final = 1.0
_EMBEDDING: Final = "model.decoder.embed_tokens.weight"


def tied(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A whole state from named parameters, which hold the embedding once."""
    return {**parameters, "lm_head.weight": parameters[_EMBEDDING]}


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast is learnt.

    Attributes:
        learning_rate: at the end of the warm-up; it falls to zero in a line.
        weight_decay: AdamW's.
        warm_up: steps.
        steps: in all.
        averaging: share that the average keeps in each step.
    """

    learning_rate: float
    weight_decay: float
    warm_up: int
    steps: int
    averaging: float


class AveragedTraining:
    """A model that is trained whole.

    Attributes:
        average: of each parameter by its name, in the model's order.
    """

    def __init__(self, model: OPTForCausalLM, rates: Rates) -> None:
        """The average begins as the model is."""
        self._model = model
        self._decay = rates.averaging
        self.average = self._own()
        self._optimizer = torch.optim.AdamW(
            model.parameters(), rates.learning_rate, weight_decay=rates.weight_decay, fused=True
        )
        self._schedule = get_linear_schedule_with_warmup(self._optimizer, rates.warm_up, rates.steps)

    def step(self, loss: Tensor) -> None:
        """Backward, one step of the weights, and the average after them."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), _GRADIENT_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._schedule.step()
        self._follow()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the model has the averaged weights."""
        own = self._own()
        self._model.load_state_dict(tied(self.average))
        try:
            yield
        finally:
            self._model.load_state_dict(tied(own))

    def save(self, folder: Path, run: str, epoch: int, step: int, **more: Any) -> None:
        """Write a checkpoint with all that is here, and ``more``."""
        state = {
            "model": self._model.state_dict(),
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "generator": torch.get_rng_state(),
        }
        checkpoint.save(folder, Checkpoint(run, epoch, step, state | more))

    def resume(self, folder: Path, run: str) -> Checkpoint | None:
        """Go on from the folder's checkpoint; None where there is none.

        Raises:
            CheckpointError: it belongs to a run with other settings.
        """
        found = checkpoint.load(folder, run)
        if found is not None:
            self._model.load_state_dict(found.state["model"])
            self.average = found.state["average"]
            self._optimizer.load_state_dict(found.state["optimizer"])
            self._schedule.load_state_dict(found.state["schedule"])
            torch.set_rng_state(found.state["generator"])
            log.info("training_resumed", epoch=found.epoch + 1, step=found.step)
        return found

    def _own(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._model.named_parameters()}

    @torch.no_grad()
    def _follow(self) -> None:
        own = [value.detach() for value in self._model.parameters()]
        steps = self._schedule.last_epoch
        # A young average follows fast, or it would hold on to the warm start.
        decay = min(self._decay, (1 + steps) / (10 + steps))
        # One call for all of them, as torch's own swa_utils has it.
        torch._foreach_lerp_(list(self.average.values()), own, 1 - decay)
