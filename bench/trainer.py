"""Training an adapter, beside a plain loop of transformers' Trainer on the same examples.

    OMP_NUM_THREADS=2 python -m bench trainer

The shipped model, LoRA on all linear layers, cross-entropy on the label's token; the same examples, number of steps and
rate of each step. The plain loop takes examples in random order, pads to the longest of the batch and computes every
logit. Examples are made up, as long as those of a chat with up to five turns of history. Both begin anew with each
seed, and take turns.

What each has learnt is told by one function, over one set of further examples: the mean cross-entropy of the label
among all words, with the adapter loaded as it is served.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.figures import Figure, working

EXAMPLES = 320
FIXED = 320
EPOCHS = 2
SEEDS = (17, 18)
#: Half of the recipe's, for twice the steps in the same time.
BATCH = 16
#: Ours may end with so much more loss than the plain loop: a share, or the plain loop's own spread over the seeds.
TOLERANCE = 0.03
_LABELS = ("anger", "joy", "neutral", "sadness", "surprise")
_CUES = ("furious", "wonderful", "ordinary", "miserable", "unbelievable")
_WORDS = (
    "so I told him that we will see what they say when it is over and then you can go home with me if the bus comes"
)


@dataclass(slots=True)
class Found:
    """Of one way to train, by seed: examples a second, and the loss over the fixed set at the end."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def measure(examples: int = EXAMPLES, fixed: int = FIXED, seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """Examples a second of both, and the loss that each begins and ends with."""
    from prompts.profile import SHIPPED_MODEL, find_model

    base = find_model(SHIPPED_MODEL)
    made = make_examples(base, examples + fixed)
    train, further = made[:examples], made[examples:]
    start = fixed_loss(base, None, further)
    found = {"ours": Found(), "plain": Found()}
    for seed in seeds:
        for name, way in (("ours", ours), ("plain", plain)):
            with working(f"trainer: {name}, seed {seed}"), tempfile.TemporaryDirectory() as folder:
                seconds = way(base, train, recipe(seed), Path(folder))
                found[name].losses.append(fixed_loss(base, Path(folder) / "adapter", further))
            found[name].rates.append(EPOCHS * examples / seconds)
    return [_figure(found["ours"], found["plain"], start, steps=EPOCHS * -(-examples // BATCH))]


def _figure(mine: Found, theirs: Found, start: float, steps: int) -> Figure:
    value, baseline = (statistics.median(one.rates) for one in (mine, theirs))
    loss, other = (statistics.mean(one.losses) for one in (mine, theirs))
    allowed = max(TOLERANCE * other, max(theirs.losses) - min(theirs.losses))
    return Figure(
        row="trainer",
        what="LoRA training at equal loss, beside a plain Trainer",
        value=value,
        unit="examples/s",
        baseline=baseline,
        ratio=value / baseline,
        target=">= 1.5",
        met=loss <= other + allowed and value >= 1.5 * baseline,
        note=f"loss over {FIXED} further examples: {start:.3f} before; after {steps} steps, by seed, "
        f"{_three(mine.losses)}, plain {_three(theirs.losses)}; ours may be {allowed:.3f} above plain in the mean and "
        f"is {loss - other:+.3f}; by seed {_one(mine.rates)} examples/s, plain {_one(theirs.rates)}",
    )


def make_examples(base: Path, count: int) -> list[Any]:
    """Dialogues whose words tell the emotion, more or less; the last turn of each is the example."""
    from prompts.profile import ModelProfile
    from prompts.tokenizer import PromptTokenizer
    from trainer.corpora.conversation import Conversation, LabelledTurn
    from trainer.examples import ExampleBuilder

    draw = random.Random(0)
    words = _WORDS.split()

    def said(cue: str | None) -> str:
        text = draw.choices(words, k=max(2, round(draw.lognormvariate(2.1, 0.7))))
        return " ".join([*text, *([cue] if cue else [])])

    def conversation(number: int) -> Conversation:
        label = draw.randrange(len(_LABELS))
        cue = _CUES[label] if draw.random() < 0.9 else draw.choice(_CUES)
        history = [LabelledTurn("AB"[turn % 2], said(None)) for turn in range(draw.randrange(6))]
        return Conversation(str(number), "en", "meld", (*history, LabelledTurn("A", said(cue), _LABELS[label])))

    builder = ExampleBuilder(ModelProfile.read(base), PromptTokenizer(base))
    return list(builder.examples(conversation(number) for number in range(count)))


def recipe(seed: int) -> Any:
    """What both follow."""
    from trainer.lora.recipe import Recipe

    given = {"epochs": EPOCHS, "patience": None, "batch_size": BATCH, "micro_batch": BATCH, "seed": seed}
    return Recipe.load("plain").model_copy(update=given)


def fixed_loss(base: Path, adapter: Path | None, examples: Sequence[Any]) -> float:
    """Mean cross-entropy of the label's token among all words; of the base model where there is no adapter."""
    import numpy as np
    import torch

    from trainer.batches import by_length, collate
    from trainer.decisions import decide, loss, padding_id
    from trainer.lora.loading import load_for_answers
    from trainer.rounds import Sequence as Asked

    model = load_for_answers(base, adapter)
    asked = [Asked(one.question.opening, (len(one.question.opening) - 1,)) for one in examples]
    total = 0.0
    with torch.inference_mode():
        for rows in by_length(np.array([len(one.ids) for one in asked]), 32):
            batch = collate([asked[row] for row in rows], [examples[row] for row in rows], padding_id(model))
            total += len(rows) * float(loss(decide(model, batch, vocabulary=True), batch, 1.0))
    return total / len(examples)


def ours(base: Path, examples: Sequence[Any], how: Any, folder: Path) -> float:
    """Train; returns the seconds, loading the model included."""
    from trainer.lora.train import train_adapter

    began = time.perf_counter()
    train_adapter(base, how, examples, [], folder / "work", folder / "adapter")
    return time.perf_counter() - began


def plain(base: Path, examples: Sequence[Any], how: Any, folder: Path) -> float:
    """The same with transformers' Trainer."""
    import numpy as np
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.optim.lr_scheduler import LambdaLR
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    from trainer.lora.steps import Plan

    plan = Plan.of(how, np.array([len(one.question.opening) for one in examples]))

    class SameRates(Trainer):
        """With the rate of each step that ours has."""

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            assert num_training_steps == plan.total  # noqa: S101 - as many steps as ours
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, lambda step: plan.rate(step) / how.learning_rate)
            return self.lr_scheduler

    def collate(rows: list[Any]) -> dict[str, Any]:
        longest = max(len(one.question.opening) for one in rows) + 1
        ids, labels = torch.zeros(len(rows), longest, dtype=torch.long), torch.full((len(rows), longest), -100)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(rows):
            full = (*one.question.opening, one.label_ids[one.target])
            ids[row, : len(full)] = torch.tensor(full)
            mask[row, : len(full)] = 1
            labels[row, len(full) - 1] = full[-1]
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    began = time.perf_counter()
    torch.manual_seed(how.seed)
    config = LoraConfig(
        r=how.rank,
        lora_alpha=how.lora_alpha,
        lora_dropout=how.lora_dropout,
        target_modules=list(how.target_modules),
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), config)
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=how.batch_size,
        num_train_epochs=how.epochs,
        learning_rate=how.learning_rate,
        adam_beta1=how.betas[0],
        adam_beta2=how.betas[1],
        weight_decay=how.weight_decay,
        max_grad_norm=how.gradient_norm,
        bf16=True,
        use_cpu=True,
        seed=how.seed,
        save_strategy="no",
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=True,
    )
    SameRates(model=model, args=arguments, train_dataset=list(examples), data_collator=collate).train()
    seconds = time.perf_counter() - began
    model.save_pretrained(str(folder / "adapter"))
    return seconds


def _three(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.3f}" for value in values)


def _one(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.1f}" for value in values)
