"""The training loop of the bilingual model: whole conversations a pass, every label's loss at once."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import OPTForCausalLM

from prompts.roles import RolePrompts
from trainer.averaged_training import AveragedTraining, Rates, tied
from trainer.bilingual.decisions import hidden_states, label_scores, loss
from trainer.bilingual.decoder_layers import DecoderLayers
from trainer.bilingual.figures import Figures, development_figures
from trainer.bilingual.material import Material, epoch_rows
from trainer.bilingual.packing import Row, collate
from trainer.bilingual.recipe import BilingualRecipe
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.precision import computed_in
from trainer.progress import Progress


class BilingualTraining:
    """One run, from the warm start or from its checkpoint to the last step."""

    def __init__(
        self,
        recipe: BilingualRecipe,
        settings: TrainBilingualSettings,
        model: OPTForCausalLM,
        roles: RolePrompts,
        material: Material,
    ) -> None:
        """Start from the model as it is; ``run`` looks for a checkpoint."""
        torch.manual_seed(recipe.seed)
        self.model = model
        self._layers = DecoderLayers(
            computed_in(model.device),
            dropout=model.config.dropout,
            largest=recipe.rows * recipe.length * model.config.hidden_size,
            compiled=settings.compiled,
        )
        self._recipe, self._settings, self._roles, self._material = recipe, settings, roles, material
        self._beliefs = material.first_beliefs()
        self._begun = self._beliefs.copy()
        self._steps = self._expected_steps()
        warm_up, steps = int(recipe.warm_up * self._steps), self._steps + recipe.epochs
        rates = Rates(recipe.learning_rate, recipe.weight_decay, warm_up, steps, recipe.averaging)
        self._training = AveragedTraining(model, rates)
        self._kept: dict[int, dict[str, Tensor]] = {}
        self._saved = time.monotonic()

    def run(self) -> Iterator[dict[str, Figures]]:
        """Train; after each epoch, yield the averaged weights' figures on the development sets."""
        epoch, done = self._resume()
        for number in range(epoch, self._recipe.epochs):
            self._epoch(number, done)
            done = 0
            self._keep_or_mix(number + 1)
            yield self.evaluate()
            self._begun = self._beliefs.copy()
            self._save(number + 1, 0)

    def evaluate(self) -> dict[str, Figures]:
        """The averaged weights on the development sets."""
        with self._training.averaged():
            return development_figures(self.model, self._material.development, self._recipe)

    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights, as a state of the model."""
        return tied(self._training.average)

    def _rows(self, number: int) -> list[Row]:
        return epoch_rows(self._recipe, self._material, self._roles, self._begun, number)

    def _expected_steps(self) -> int:
        """In all. Rows differ a little from epoch to epoch: each is taken to be like the first of its kind."""
        epochs = self._recipe.epochs
        plain = min(self._recipe.plain_epochs, epochs)
        kinds = ((0, plain), (plain, epochs - plain))
        return sum(self._epoch_steps(self._rows(first)) * many for first, many in kinds if many)

    def _keep_or_mix(self, epoch: int) -> None:
        """Keep the averages after an epoch that is mixed in at the end, or mix what was kept into the last one's."""
        average = self._training.average
        if epoch in self._recipe.mixed:
            self._kept[epoch] = {name: value.clone() for name, value in average.items()}
        if epoch == self._recipe.epochs:
            rest = 1 - sum(self._recipe.mixed.values())
            for name, value in average.items():
                value.mul_(rest)
                for earlier, share in self._recipe.mixed.items():
                    value.add_(self._kept[earlier][name], alpha=share)

    def _epoch_steps(self, rows: list[Row]) -> int:
        return -(-len(rows) // self._recipe.rows)

    def _epoch(self, number: int, done: int) -> None:
        rows, size = self._rows(number), self._recipe.rows
        steps = self._epoch_steps(rows)
        with Progress(f"epoch {number + 1}/{self._recipe.epochs}", steps, done) as progress:
            for step in range(done, steps):
                chosen = rows[step * size : (step + 1) * size]
                progress.advance(self._step(chosen), len(chosen) * self._recipe.length)
                if time.monotonic() - self._saved > self._settings.checkpoint_seconds:
                    self._save(number, step + 1)

    def _step(self, rows: list[Row]) -> float:
        packed = collate(rows, self._recipe.length, self.model.config.pad_token_id)
        examples = [one.example for one in packed.decisions]
        numbers = np.array([self._material.numbers[id(one)] for one in examples])
        first = np.array([one.first for one in packed.decisions])
        weight = self._material.weights[numbers] * np.where(first, 1.0, self._recipe.later_decisions)
        scores = label_scores(self.model, hidden_states(self.model, packed, self._layers), examples)
        target = torch.tensor([one.target for one in examples])
        offsets = torch.from_numpy(self._material.offsets[numbers, : scores.shape[1]])
        value = loss(scores + offsets, target, torch.from_numpy(weight.astype(np.float32)))
        self._training.step(value)
        self._believe(numbers[first], scores.detach()[torch.from_numpy(first)])
        return float(value.detach())

    def _believe(self, numbers: NDArray[np.int64], scores: Tensor) -> None:
        found = scores.softmax(-1).numpy()
        self._beliefs[numbers, : found.shape[1]] = found

    def _run_id(self) -> str:
        return f"{self._recipe.model_dump_json()} {len(self._material.examples)} {self._steps}"

    def _save(self, epoch: int, step: int) -> None:
        own = {
            "beliefs": torch.from_numpy(self._beliefs),
            "begun": torch.from_numpy(self._begun),
            "kept": self._kept,
        }
        self._training.save(self._settings.work_folder, self._run_id(), epoch, step, **own)
        self._saved = time.monotonic()

    def _resume(self) -> tuple[int, int]:
        found = self._training.resume(self._settings.work_folder, self._run_id())
        if found is None:
            return 0, 0
        self._beliefs = found.state["beliefs"].numpy()
        self._begun = found.state["begun"].numpy()
        self._kept = found.state["kept"]
        return found.epoch, found.step
