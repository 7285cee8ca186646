"""Training an adapter, beside a plain loop of transformers' Trainer on the same examples.

    OMP_NUM_THREADS=2 python -m bench trainer

The shipped model, LoRA on all linear layers, cross-entropy on the label's token, the same examples, rates and number
of steps. The plain loop takes examples in random order, pads to the longest of the batch and computes every logit.
Examples are made up, as long as those of a chat with up to five turns of history. Both begin anew each time, and take
turns.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure, working

EXAMPLES = 384
TURNS = 3
_LABELS = ("anger", "joy", "neutral", "sadness", "surprise")
_CUES = ("furious", "wonderful", "ordinary", "miserable", "unbelievable")
_WORDS = (
    "so I told him that we will see what they say when it is over and then you can go home with me if the bus comes"
)


def measure(examples: int = EXAMPLES, turns: int = TURNS) -> list[Figure]:
    """Examples a second of both, and the loss that each ends with."""
    from prompts.profile import find_model

    base = find_model("sentistream-en-22m")
    made = make_examples(base, examples)
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    losses: dict[str, float] = {}
    for turn in range(turns):
        for name, train in (("ours", ours), ("plain", plain)):
            with working(f"trainer: {name}, {turn + 1} of {turns}"):
                seconds, losses[name] = train(base, made)
            rates[name].append(examples / seconds)
    value, baseline = (statistics.median(rates[name]) for name in ("ours", "plain"))
    note = f"mean loss of the last quarter {losses['ours']:.3f}, plain {losses['plain']:.3f}; " + ", ".join(
        f"{name} {min(found):.1f} - {max(found):.1f}" for name, found in rates.items()
    )
    equal = losses["ours"] <= losses["plain"] * 1.05
    return [
        Figure(
            row="trainer",
            what="LoRA training at equal loss, beside a plain Trainer",
            value=value,
            unit="examples/s",
            baseline=baseline,
            ratio=value / baseline,
            target=">= 1.5",
            met=equal and value >= 1.5 * baseline,
            note=note,
        )
    ]


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


def ours(base: Path, examples: Sequence[Any]) -> tuple[float, float]:
    """Seconds of one pass, loading the model included, and the last losses' mean."""
    from trainer.lora.train import train_adapter

    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        found = train_adapter(base, _recipe(), examples, [], Path(name) / "work", Path(name) / "out")
        return time.perf_counter() - began, _tail(found.losses)


def plain(base: Path, examples: Sequence[Any]) -> tuple[float, float]:
    """The same with transformers' Trainer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    recipe = _recipe()

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
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=list(recipe.target_modules),
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), config)
    with tempfile.TemporaryDirectory() as name:
        arguments = TrainingArguments(
            output_dir=name,
            per_device_train_batch_size=recipe.batch_size,
            num_train_epochs=1,
            learning_rate=recipe.learning_rate,
            warmup_steps=recipe.warm_up,
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": recipe.final_rate},
            adam_beta2=recipe.betas[1],
            weight_decay=recipe.weight_decay,
            bf16=True,
            use_cpu=True,
            seed=recipe.seed,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            disable_tqdm=True,
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=list(examples), data_collator=collate)
        trainer.train()
    seconds = time.perf_counter() - began
    return seconds, _tail([one["loss"] for one in trainer.state.log_history if "loss" in one])


def _recipe() -> Any:
    from trainer.lora.recipe import Recipe

    return Recipe.load("plain").model_copy(update={"epochs": 1, "patience": None})


def _tail(losses: Sequence[float]) -> float:
    return statistics.mean(losses[-max(1, len(losses) // 4) :])
