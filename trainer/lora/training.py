"""The training loop of an adapter, from a fresh or the live one, or from its checkpoint, to the last step."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from peft import PeftModel
from torch import Tensor

from prompts.roles import RolePrompts
from trainer import checkpoint
from trainer.batches import Batch, collate
from trainer.beliefs import frequencies
from trainer.checkpoint import Checkpoint
from trainer.decisions import padding_id
from trainer.errors import CheckpointError
from trainer.examples import Example
from trainer.lora.devices import Decider, accumulating, gathered, optimizer_for, summed
from trainer.lora.loading import adapter_state, put_state
from trainer.lora.material import sequence
from trainer.lora.objective import label_weights, objective
from trainer.lora.recipe import Recipe
from trainer.lora.steps import Plan, Rows, parts, seed_of
from trainer.lora.trackers import Tracker
from trainer.metrics import report
from trainer.predict import label_logits
from trainer.progress import Progress

log = structlog.get_logger()

#: Returns, or raises what ends the run; its checkpoint is written first.
Halt = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Data:
    """Examples to train on, and those that choose the epoch."""

    train: Sequence[Example]
    development: Sequence[Example]

    def digest(self) -> str:
        """Other data than a checkpoint's would train something else from there on."""
        found = hashlib.sha256()
        for one in (*self.train, *self.development):
            found.update(repr((one.question.opening, one.target, one.rationale)).encode())
        return found.hexdigest()


@dataclass(slots=True)
class History:
    """How a run went so far.

    Attributes:
        losses: of each step.
        scores: macro-F1 on the development data after each epoch.
        best: weights of the epoch that did best there, or of the last one where there is no such data.
    """

    losses: list[float]
    scores: list[float]
    best: dict[str, Tensor]

    @property
    def best_epoch(self) -> int:
        """From 0."""
        return int(np.argmax(self.scores)) if self.scores else -1


class LoraTraining:
    """One run on one process; every process of many makes the same steps."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: PeftModel,
        recipe: Recipe,
        data: Data,
        roles: RolePrompts,
        work: Path,
        start: str,
    ) -> None:
        """``start`` names the base and the adapter that training begins with."""
        self.recipe, self._data, self._roles, self._work = recipe, data, roles, work
        self._accelerator, self.model = accelerator, model
        self.plan = Plan.of(recipe, np.array([len(one.question.opening) for one in data.train]))
        self._run = f"{start} {recipe.model_dump_json()} {data.digest()}"
        decider = Decider(model, vocabulary=recipe.among == "vocabulary")
        optimizer = optimizer_for(model, recipe, accelerator.device)
        self._decider, self._optimizer = accelerator.prepare(decider, optimizer)
        self._alpha = torch.from_numpy(label_weights(data.train, recipe))
        self._belief = frequencies(data.train)
        self.history = History([], [], {})

    def run(self, name: str, tracker: Tracker, halt: Halt) -> History:
        """Train to the end, or until development data says that it gets no better."""
        epoch, done = self._resume()
        main, before = self._accelerator.is_main_process, len(self.history.losses)
        if main:
            tracker.begin(name, self.recipe.model_dump(mode="json"), before)
        finished = False
        try:
            with Progress("training", self.plan.total, before, shown=main) as progress:
                while len(self.history.losses) < self.plan.total and not self._stale():
                    self._epoch(epoch, done, progress, tracker, halt)
                    self._choose(tracker)
                    epoch, done = epoch + 1, 0
                    self._save(epoch, 0)
            finished = True
        finally:
            if main:
                tracker.end(finished=finished)
        return self.history

    def _epoch(self, epoch: int, done: int, progress: Progress, tracker: Tracker, halt: Halt) -> None:
        batches = self.plan.batches(epoch)
        self._decider.train()
        for place in range(done, len(batches)):
            step = len(self.history.losses)
            if step == self.plan.total:
                return
            try:
                halt()
            except BaseException:
                self._save(epoch, place)
                raise
            value, tokens = self._step(batches[place], step)
            self.history.losses.append(value)
            progress.advance(value, tokens)
            if self._accelerator.is_main_process:
                tracker.metrics(step + 1, {"loss": value, "learning_rate": self.plan.rate(step)})
            if (step + 1) % self.recipe.checkpoint_steps == 0 and place + 1 < len(batches):
                self._save(epoch, place + 1)

    def _step(self, rows: Rows, step: int) -> tuple[float, int]:
        """One optimiser step; returns its mean loss and this process's tokens."""
        process, processes = self._accelerator.process_index, self._accelerator.num_processes
        # Seeded anew, so that a run that goes on from here draws what the unkilled one did.
        torch.manual_seed(seed_of(self.recipe.seed, step, process))
        own = parts(rows, self.recipe.micro_batch, process, processes)
        count = sum(len(one) for one in own)
        value = torch.zeros((), device=self._accelerator.device)
        seen, tokens = [], 0
        for place, part in enumerate(own):
            batch = self._batch(part, np.random.default_rng((self.recipe.seed, step, process, place)))
            with accumulating(self._accelerator, self._decider, last=place + 1 == len(own)):
                scores = self._decider(batch)
                lost = objective(scores, batch, self._alpha[part].to(batch.ids.device), self.recipe) / count
                self._accelerator.backward(lost)
            value += lost.detach()
            seen.append(self._believed(scores.labels.detach()[batch.first]))
            tokens += batch.ids.numel()
        self._update(step)
        self._remember(np.concatenate(own), torch.cat(seen))
        return float(summed(self._accelerator, value)) / processes, tokens

    def _update(self, step: int) -> None:
        self._accelerator.clip_grad_norm_(self._decider.parameters(), self.recipe.gradient_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate(step)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def _batch(self, rows: Rows, rng: np.random.Generator) -> Batch:
        examples = [self._data.train[row] for row in rows]
        made = [
            sequence(one, self.recipe, self._roles, self._belief[row], rng)
            for row, one in zip(rows, examples, strict=True)
        ]
        return collate(made, examples, padding_id(self.model)).to(self._accelerator.device)

    def _believed(self, labels: Tensor) -> Tensor:
        wide = torch.zeros(len(labels), self._belief.shape[1], device=labels.device)
        wide[:, : labels.shape[1]] = labels.softmax(-1)
        return wide

    def _remember(self, rows: Rows, belief: Tensor) -> None:
        """Every process keeps the beliefs of all."""
        where = gathered(self._accelerator, torch.from_numpy(rows).to(belief.device)).numpy()
        self._belief[where] = gathered(self._accelerator, belief).numpy()

    def _choose(self, tracker: Tracker) -> None:
        """Keep these weights if no epoch did better on the development data."""
        if not self._data.development:
            self.history.best = adapter_state(self.model)
            return
        score = self._macro_f1()
        if score > max(self.history.scores, default=-1.0):
            self.history.best = adapter_state(self.model)
        self.history.scores.append(score)
        if self._accelerator.is_main_process:
            tracker.metrics(len(self.history.losses), {"development_macro_f1": score})

    def _macro_f1(self) -> float:
        """In direct mode; each process answers its share. Labels of several taxonomies count apart, by name."""
        process, processes = self._accelerator.process_index, self._accelerator.num_processes
        share = self._data.development[process::processes]
        found = [] if not share else label_logits(self.model, list(share)).argmax(-1).tolist()
        said = gather_object([_names(one, answer) for one, answer in zip(share, found, strict=True)])
        names = sorted({name for pair in said for name in pair})
        truth, answers = (np.array([names.index(pair[side]) for pair in said]) for side in (0, 1))
        return report(truth, answers, names).macro_f1

    def _stale(self) -> bool:
        scores, patience = self.history.scores, self.recipe.patience
        return patience is not None and bool(scores) and len(scores) - 1 - self.history.best_epoch >= patience

    def _save(self, epoch: int, step: int) -> None:
        if not self._accelerator.is_main_process:
            return
        state = {
            "adapter": adapter_state(self.model),
            "optimizer": self._optimizer.state_dict(),
            "belief": torch.from_numpy(self._belief),
            "losses": self.history.losses,
            "scores": self.history.scores,
            "best": self.history.best,
        }
        checkpoint.save(self._work, Checkpoint(self._run, epoch, step, state))

    def _resume(self) -> tuple[int, int]:
        if (found := self._found()) is None:
            return 0, 0
        put_state(self.model, found.state["adapter"])
        self._optimizer.load_state_dict(found.state["optimizer"])
        self._belief = found.state["belief"].numpy()
        self.history = History(found.state["losses"], found.state["scores"], found.state["best"])
        log.info("training_resumed", epoch=found.epoch + 1, step=found.step)
        return found.epoch, found.step

    def _found(self) -> Checkpoint | None:
        """None where no checkpoint can be gone on from: one of other data, or a torn one, would stop all later runs."""
        found, wrong = None, None
        try:
            found = checkpoint.load(self._work, self._run)
        except CheckpointError as error:
            wrong = str(error)
        # All begin at the same step; and none deletes what another has yet to read.
        reasons = [one for one in gather_object([wrong]) if one is not None]
        if not reasons:
            return found
        if self._accelerator.is_main_process:
            log.warning("checkpoint_given_up", reason=reasons[0])
            checkpoint.delete(self._work)
        return None


def _names(example: Example, answer: int) -> tuple[str, str]:
    parts_of = example.question.parts
    truth, said = (f"{parts_of.taxonomy}/{parts_of.labels[at].name}" for at in (example.target, answer))
    return truth, said
