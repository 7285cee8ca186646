from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from tests.trainer.lora_rig import recipe
from trainer.batches import Batch, collate
from trainer.corpora import read
from trainer.decisions import decide
from trainer.examples import Example
from trainer.lora.material import fitted, sequence
from trainer.lora.objective import label_weights, objective
from trainer.lora.recipe import Recipe
from trainer.lora.steps import Plan, parts
from trainer.train_base import builder_for


@pytest.fixture
def roles(profile: ModelProfile, tokenizer_json: str) -> RolePrompts:
    return builder_for(profile, tokenizer_json).roles


@pytest.fixture
def examples(profile: ModelProfile, tokenizer_json: str, meld_file: Callable[[int], Path]) -> list[Example]:
    return list(builder_for(profile, tokenizer_json).examples(read("meld", meld_file(4))))


def batch_of(examples: list[Example], made: Recipe, roles: RolePrompts) -> Batch:
    rng = np.random.default_rng(0)
    belief = np.ones(7, np.float32)
    return collate([sequence(one, made, roles, belief, rng) for one in examples], examples, 0)


def value_of(model: Any, batch: Batch, made: Recipe, alpha: list[float] | None = None) -> float:
    rows = len(batch.ids)
    with torch.no_grad():
        scores = decide(model, batch, vocabulary=made.among == "vocabulary")
        return float(objective(scores, batch, torch.tensor(alpha or [1.0] * rows), made))


def first_logits(model: Any, examples: list[Example]) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack([model(torch.tensor([one.question.opening])).logits[0, -1] for one in examples])


def test_focal_loss_is_the_papers(
    tiny_model: Callable[[], OPTForCausalLM], examples: list[Example], roles: RolePrompts
) -> None:
    model = tiny_model().eval()
    logits = first_logits(model, examples)
    targets = torch.tensor([one.label_ids[one.target] for one in examples])
    for among in ("labels", "vocabulary"):
        if among == "labels":
            rows = torch.stack([row[list(one.label_ids)] for row, one in zip(logits, examples, strict=True)])
            chance = rows.softmax(-1)[range(len(examples)), [one.target for one in examples]]
        else:
            chance = logits.softmax(-1)[range(len(examples)), targets]
        made = recipe(tasks="generator", gamma=2.0, among=among)
        batch = batch_of(examples, made, roles)
        expected = (-0.25 * (1 - chance) ** 2 * chance.log()).sum()
        assert value_of(model, batch, made, [0.25] * len(examples)) == pytest.approx(float(expected), rel=1e-4)
        plain = made.model_copy(update={"gamma": 0.0})
        assert value_of(model, batch, plain) == pytest.approx(float(-chance.log().sum()), rel=1e-4)


def test_an_example_weighs_the_same_however_long_it_is_talked_about(
    tiny_model: Callable[[], OPTForCausalLM], examples: list[Example], roles: RolePrompts
) -> None:
    model = tiny_model().eval()
    with torch.no_grad():
        for words in model.parameters():
            words.zero_()
    # Every answer is as likely as any other then, and each costs the log of how many there are.
    made = recipe(tasks="both", gamma=0.0, later_decisions=0.5, among="labels")
    assert value_of(model, batch_of(examples, made, roles), made) == pytest.approx(
        1.5 * len(examples) * np.log(7), rel=1e-5
    )


def test_text_keeps_cross_entropy(
    tiny_model: Callable[[], OPTForCausalLM], examples: list[Example], roles: RolePrompts
) -> None:
    model = tiny_model().eval()
    reasons = [replace(one, rationale=(20, 21, 22)[: 1 + number % 3]) for number, one in enumerate(examples)]
    made = recipe(tasks="generator", gamma=2.0, text_weight=0.5)
    batch = batch_of(reasons, made, roles)
    without = value_of(model, batch, made.model_copy(update={"text_weight": 0.0}))
    expected = 0.0
    for one in reasons:
        start = (*one.question.opening, one.label_ids[one.target])
        ids = torch.tensor([[*start, *one.rationale]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(start) - 1 : -1]
        expected += 0.5 * float(functional.cross_entropy(logits, ids[0, len(start) :]))
    assert value_of(model, batch, made) - without == pytest.approx(expected, rel=1e-4)


class HeadRows(TorchDispatchMode):
    """How many rows are multiplied with the whole vocabulary."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self._words = words
        self.rows = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func.name() in ("aten::mm", "aten::addmm", "aten::bmm") and made.shape[-1] == self._words:
            self.rows += made.numel() // self._words
        return made


@pytest.mark.parametrize("among", ["labels", "vocabulary"])
def test_logits_are_computed_where_they_count_and_nowhere_else(
    tiny_model: Callable[[], OPTForCausalLM], examples: list[Example], roles: RolePrompts, among: str
) -> None:
    model = tiny_model().eval()
    reasons = [replace(one, rationale=(20, 21, 22)) for one in examples]
    made = recipe(tasks="generator", among=among)
    batch = batch_of(reasons, made, roles)
    with HeadRows(model.config.vocab_size) as ours:
        value_of(model, batch, made)
    with HeadRows(model.config.vocab_size) as plain, torch.no_grad():
        model(batch.ids)
    words, labels = 3 * len(examples), len(examples)
    assert ours.rows == words + (labels if among == "vocabulary" else 0)
    assert plain.rows == batch.ids.numel() > 10 * ours.rows


def test_rare_labels_weigh_more_and_the_mean_is_one(examples: list[Example]) -> None:
    many = [replace(examples[0], target=0)] * 90 + [replace(examples[0], target=1)] * 10
    weights = label_weights(many, recipe(alpha="frequency", alpha_power=0.5))
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(3)
    even = label_weights(many, recipe(alpha="frequency", alpha_power=1.0))
    assert even[:90].sum() == pytest.approx(even[90:].sum())
    assert set(label_weights(many, recipe(alpha=0.25)).tolist()) == {0.25}
    assert set(label_weights(many, recipe(alpha=None)).tolist()) == {1.0}


def test_history_is_cut_as_the_recipe_says(examples: list[Example], roles: RolePrompts) -> None:
    assert max(len(one.question.parts.history) for one in examples) == 2
    assert fitted(examples, recipe(), roles) == examples
    short = fitted(examples, recipe(history_turns=1), roles)
    assert max(len(one.question.parts.history) for one in short) == 1
    for was, one in zip(examples, short, strict=True):
        assert one.question.parts.history == was.question.parts.history[-1:]
        assert one.question.opening == roles.open(one.question.parts).opening
    longest = max(len(one.question.opening) for one in examples)
    cut = fitted(examples, recipe(max_tokens=longest - 1), roles)
    assert len(cut) == len(examples)
    assert all(len(one.question.opening) < longest for one in cut)


def test_rates_rise_and_fall_to_a_tenth() -> None:
    plan = Plan.of(recipe(batch_size=10, epochs=2, warm_up=0.1, learning_rate=1.0, final_rate=0.1), np.full(1000, 9))
    rates = [plan.rate(step) for step in range(plan.total)]
    assert plan.total == 200
    assert int(np.argmax(rates)) == 19
    assert rates[0] == pytest.approx(0.05)
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)
    assert rates[110] == pytest.approx(0.55, abs=1e-2), "half way down the cosine"


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_a_step(processes: int) -> None:
    rows = np.arange(100, 132)
    shares = [parts(rows, 5, one, processes) for one in range(processes)]
    assert len({tuple(len(part) for part in share) for share in shares}) == 1, "gradients meet at the same parts"
    seen = np.concatenate([part for share in shares for part in share])
    assert set(seen) == set(rows)
    assert len(seen) == -(-32 // processes) * processes
