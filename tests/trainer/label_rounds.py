"""Rounds of labels for a miniature model, good and poisoned, and adapters that were quickly trained on them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import OPTForCausalLM

from trainer.batches import by_length, collate
from trainer.corpora import Conversation, LabelledTurn
from trainer.decisions import decide, loss
from trainer.examples import Example, ExampleBuilder
from trainer.rounds import Sequence as Asked
from trainer.rounds import negotiation

SAID = {"joy": "good news", "sadness": "bad news", "surprise": "so what", "neutral": "it is news"}
OPPOSITE = {"joy": "sadness", "sadness": "joy", "surprise": "neutral", "neutral": "surprise"}
_FILLERS = ("ada", "bo", "the", "last", "again", "it", "is", "of", "emotion", "speaker")

Relabel = Callable[[list[str], np.random.Generator], list[str]]


def conversations(
    name: str, count: int, seed: int, *, noise: float = 0.1, relabel: Relabel | None = None
) -> Iterator[Conversation]:
    """Of three turns each; what is said gives the label but for some ``noise``, for people err too."""
    rng = np.random.default_rng(seed)
    kinds = list(SAID)
    labels = [[kinds[one] for one in rng.integers(0, len(kinds), 3)] for _ in range(count)]
    texts = [[f"{rng.choice(_FILLERS)} {SAID[one]} {rng.choice(_FILLERS)}" for one in three] for three in labels]
    given = [kinds[rng.integers(len(kinds))] if rng.random() < noise else one for three in labels for one in three]
    given = relabel(given, rng) if relabel else given
    for number, three in enumerate(texts):
        turns = tuple(LabelledTurn("Ada", text, given[3 * number + place]) for place, text in enumerate(three))
        yield Conversation(f"{name}-{number}", "en", "meld", turns)


def shuffled(labels: list[str], rng: np.random.Generator) -> list[str]:
    return [str(one) for one in rng.permutation(labels)]


def all_joy(labels: list[str], _: np.random.Generator) -> list[str]:
    return ["joy"] * len(labels)


def half_flipped(labels: list[str], rng: np.random.Generator) -> list[str]:
    return [OPPOSITE[one] if rng.random() < 0.5 else one for one in labels]


def train_quickly(
    model: OPTForCausalLM, builder: ExampleBuilder, examples: Sequence[Example], out: Path, *, epochs: int = 6
) -> Path:
    """A PEFT folder by a plain loop over whole negotiations."""
    torch.manual_seed(0)
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    inner = wrapped.get_base_model().train()
    optimizer = torch.optim.AdamW([one for one in wrapped.parameters() if one.requires_grad], 1e-2)
    rng = np.random.default_rng(0)
    belief = np.ones(len(examples[0].label_ids), dtype=np.float32)
    for _ in range(epochs):
        asked: list[Asked] = [negotiation(builder.roles, one, belief, rng) for one in examples]
        for rows in by_length(np.array([len(one.ids) for one in asked]), 16, rng):
            batch = collate([asked[row] for row in rows], [examples[row] for row in rows], 0)
            found = loss(decide(inner, batch), batch, 0.5)
            optimizer.zero_grad()
            found.backward()
            optimizer.step()
    wrapped.save_pretrained(out)
    return out
