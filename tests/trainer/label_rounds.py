"""Rounds of labels for a miniature model, good and poisoned, and adapters that were quickly trained on them."""

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from transformers import OPTConfig, OPTForCausalLM

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


def no_surprise(labels: list[str], _: np.random.Generator) -> list[str]:
    """A domain whose people do not know surprise: what a base model has still to learn."""
    return ["neutral" if one == "surprise" else one for one in labels]


def shuffled(labels: list[str], rng: np.random.Generator) -> list[str]:
    return [str(one) for one in rng.permutation(labels)]


def all_joy(labels: list[str], _: np.random.Generator) -> list[str]:
    return ["joy"] * len(labels)


def half_flipped(labels: list[str], rng: np.random.Generator) -> list[str]:
    return [OPPOSITE[one] if rng.random() < 0.5 else one for one in labels]


def train_quickly(base: OPTForCausalLM, builder: ExampleBuilder, examples: Sequence[Example], out: Path) -> Path:
    """A PEFT folder; the base stays as it is."""
    torch.manual_seed(0)
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(copy.deepcopy(base), config)
    teach(wrapped.get_base_model(), builder, examples, rate=5e-3, epochs=8)
    wrapped.save_pretrained(out)
    return out


def teach(
    model: OPTForCausalLM, builder: ExampleBuilder, examples: Sequence[Example], *, rate: float, epochs: int
) -> None:
    """A plain loop over whole negotiations, for whatever of the model can be trained."""
    model.train()
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], rate)
    rng = np.random.default_rng(0)
    belief = np.ones(len(examples[0].label_ids), dtype=np.float32)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - epoch / epochs)
        asked: list[Asked] = [negotiation(builder.roles, one, belief, rng) for one in examples]
        for rows in by_length(np.array([len(one.ids) for one in asked]), 16, rng):
            # Dropout draws for padding too; what these few steps learn hangs on it.
            batch = collate([asked[row] for row in rows], [examples[row] for row in rows], 0, lengths=1)
            found = loss(decide(model, batch), batch, 0.5)
            optimizer.zero_grad()
            found.backward()
            optimizer.step()
    model.eval()


def miniature(tokenizer: str) -> OPTForCausalLM:
    """A model small enough to be trained within seconds."""
    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=Tokenizer.from_str(tokenizer).get_vocab_size(),
        hidden_size=32,
        word_embed_proj_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=64,
        max_position_embeddings=128,
        activation_function="gelu",
        do_layer_norm_before=False,
        dropout=0.05,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        tie_word_embeddings=True,
    )
    return OPTForCausalLM(config)
