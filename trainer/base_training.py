"""The training loop: all weights of a causal decoder, the loss at the decisions only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import OPTForCausalLM

from prompts.roles import RolePrompts
from trainer.averaged_training import AveragedTraining, Rates, tied
from trainer.batches import Batch, by_length, collate
from trainer.beliefs import frequencies
from trainer.decisions import decide, loss
from trainer.examples import Example
from trainer.metrics import Report, report
from trainer.mixture import Mixture
from trainer.precision import computed_in
from trainer.predict import label_logits
from trainer.progress import Progress
from trainer.rounds import negotiation
from trainer.settings import TrainBaseSettings


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on, and what decides."""

    mixture: Mixture
    dev: list[Example]


class BaseTraining:
    """One run, from the warm start or from its checkpoint to the last step."""

    def __init__(self, settings: TrainBaseSettings, model: OPTForCausalLM, roles: RolePrompts, data: Data) -> None:
        """Start from the model as it is; ``run`` looks for a checkpoint."""
        self._settings = settings
        self._roles = roles
        self._data = data
        torch.manual_seed(settings.seed)
        self.model = model
        self._mixed = computed_in(model.device) == torch.bfloat16
        # On one CPU core eager attention over 100 tokens is a third faster than the fused kernel, backward included.
        self.model.set_attn_implementation("eager")
        self._steps = [-(-len(data.mixture.epoch(number)) // settings.batch_size) for number in range(settings.epochs)]
        warm_up, steps = int(settings.warm_up * sum(self._steps)), sum(self._steps)
        rates = Rates(settings.learning_rate, settings.weight_decay, warm_up, steps, settings.averaging)
        self._training = AveragedTraining(model, rates)
        self._belief = frequencies(data.mixture.examples)
        self._best_f1 = -1.0
        self._best = self._training.average

    def run(self) -> Iterator[Report]:
        """Train; after each epoch, yield the averaged weights' result on the development data."""
        epoch, done = self._resume()
        for number in range(epoch, self._settings.epochs):
            self._epoch(number, done)
            done = 0
            result = self.evaluate()
            if result.weighted_f1 > self._best_f1:
                self._best_f1 = result.weighted_f1
                self._best = {name: value.clone() for name, value in self._training.average.items()}
            self._save(number + 1, 0)
            yield result

    def evaluate(self) -> Report:
        """Direct mode on the development data, with the averaged weights."""
        with self._training.averaged():
            logits = label_logits(self.model, self._data.dev)
        names = [label.name for label in self._data.dev[0].question.parts.labels]
        truth = np.array([one.target for one in self._data.dev])
        return report(truth, logits.argmax(-1), names)

    def best(self) -> dict[str, Tensor]:
        """The averaged weights of the epoch that did best on the development data, as a state of the model."""
        return tied(self._best)

    def _epoch(self, number: int, done: int) -> None:
        chosen = self._data.mixture.epoch(number)
        lengths = np.array([len(self._data.mixture.examples[index].question.opening) for index in chosen])
        batches = by_length(lengths, self._settings.batch_size, np.random.default_rng((self._settings.seed, number)))
        self.model.train()
        with Progress(f"epoch {number + 1}/{self._settings.epochs}", len(batches), done) as progress:
            for step in range(done, len(batches)):
                value, tokens = self._step(chosen[batches[step]], (self._settings.seed, number, step))
                progress.advance(value, tokens)
                if (step + 1) % self._settings.checkpoint_steps == 0:
                    self._save(number, step + 1)

    def _step(self, rows: NDArray[np.int64], seed: tuple[int, ...]) -> tuple[float, int]:
        batch = self._batch(rows, np.random.default_rng(seed))
        with torch.autocast("cpu", torch.bfloat16, enabled=self._mixed):
            scores = decide(self.model, batch, vocabulary=True)
            value = loss(scores, batch, self._settings.later_decisions)
        self._training.step(value)
        first = scores.labels.detach()[batch.first].softmax(-1)
        self._belief[rows, : first.shape[1]] = first.numpy()
        return float(value.detach()), batch.ids.numel()

    def _batch(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        examples = [self._data.mixture.examples[row] for row in rows]
        sequences = [
            negotiation(self._roles, one, self._belief[row], rng) for row, one in zip(rows, examples, strict=True)
        ]
        return collate(sequences, examples, self.model.config.pad_token_id)

    def _run_id(self) -> str:
        return f"{self._settings.model_dump_json()} {self._steps}"

    def _save(self, epoch: int, step: int) -> None:
        own = {"belief": torch.from_numpy(self._belief), "best_f1": self._best_f1, "best": self._best}
        self._training.save(self._settings.work_folder, self._run_id(), epoch, step, **own)

    def _resume(self) -> tuple[int, int]:
        found = self._training.resume(self._settings.work_folder, self._run_id())
        if found is None:
            return 0, 0
        self._belief = found.state["belief"].numpy()
        self._best_f1, self._best = found.state["best_f1"], found.state["best"]
        return found.epoch, found.step
