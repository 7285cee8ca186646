"""A model folder in miniature, examples for it, and a run of training as a process that can be killed."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig, PreTrainedModel, Qwen3Config

from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile
from prompts.tokenizer import PromptTokenizer
from trainer.corpora import read
from trainer.examples import Example, ExampleBuilder
from trainer.lora.recipe import Recipe
from trainer.lora.train import TrainingResult, train_adapter

GATED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def recipe(**changed: Any) -> Recipe:
    """A small and exact one."""
    small = {"precision": "fp32", "batch_size": 16, "micro_batch": 16, "rank": 4, "epochs": 2, "learning_rate": 5e-3}
    return Recipe.model_validate({**Recipe.load("sentixrl").model_dump(), **small, **changed})


def gated_model(kind: str, words: int) -> PreTrainedModel:
    """A random Llama or Qwen 3 with grouped attention."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "pad_token_id": None,
    }
    config: PretrainedConfig = LlamaConfig(**sizes) if kind == "llama" else Qwen3Config(**sizes, head_dim=8)
    return AutoModelForCausalLM.from_config(config)


def write_base(folder: Path, model: PreTrainedModel, profile: ModelProfile, tokenizer_json: str) -> Path:
    """A model folder in float32, of random weights as large as trained ones: what is frozen must pass things on."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(10)
    model.save_pretrained(folder)
    (folder / TOKENIZER_FILE).write_text(tokenizer_json, encoding="utf-8")
    (folder / PROFILE_FILE).write_text(profile.model_dump_json(), encoding="utf-8")
    return folder


def examples_of(base: Path, meld_file: Path) -> list[Example]:
    """All of a file in MELD's format."""
    return list(ExampleBuilder(ModelProfile.read(base), PromptTokenizer(base)).examples(read("meld", meld_file)))


def run(folder: Path, files: tuple[Path, Path], made: Recipe, work: str = "work", **options: Any) -> TrainingResult:
    """Train on a file and choose on another, in ``folder``, which holds ``base``; the adapter goes to ``out``."""
    train, development = (examples_of(folder / "base", one) for one in files)
    return train_adapter(folder / "base", made, train, development, folder / work, folder / f"{work}-out", **options)


def says_right(model: PreTrainedModel, examples: list[Example]) -> float:
    """Share of right first answers."""
    from trainer.predict import label_logits

    return float((label_logits(model, examples).argmax(-1) == np.array([one.target for one in examples])).mean())


class Announce:
    """A tracker that says each step on standard output, for whoever wants to kill at one."""

    def begin(self, _name: str, _facts: object, step: int) -> None:
        """Say it."""
        sys.stdout.write(f"begin {step}\n")
        sys.stdout.flush()

    def metrics(self, step: int, _values: object) -> None:
        """Say it."""
        sys.stdout.write(f"step {step}\n")
        sys.stdout.flush()

    def end(self, *, finished: bool) -> None:
        """Nothing to say."""


def main() -> None:
    """Train in a process of its own and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("development", type=Path)
    parser.add_argument("recipe", type=json.loads)
    given = parser.parse_args()
    torch.set_num_threads(1)
    made = recipe(**given.recipe)
    found = run(given.folder, (given.train, given.development), made, tracker=Announce())
    sys.stdout.write(json.dumps([found.losses, found.development_macro_f1, found.best_epoch]) + "\n")


if __name__ == "__main__":
    main()
