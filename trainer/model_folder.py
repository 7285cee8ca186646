"""Writing a model folder that transformers and vLLM load, with its tokenizer and its profile."""

import json
import shutil
from pathlib import Path

import torch
from torch import Tensor
from transformers import OPTConfig, OPTForCausalLM

from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile

CARD = "README.md"


def write_model(
    folder: Path, config: OPTConfig, state: dict[str, Tensor], profile: ModelProfile, tokenizer: str
) -> None:
    """Write weights in bfloat16; the folder appears whole or not at all. A model card that is there stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    model = OPTForCausalLM(config)
    model.load_state_dict(state)
    model.to(torch.bfloat16).save_pretrained(partial)
    (partial / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
    write_profile(partial, profile)
    # safetensors makes its file private; a service under another user reads it.
    for file in partial.iterdir():
        file.chmod(0o644)
    if (card := folder / CARD).is_file():
        shutil.copy(card, partial / CARD)
    previous = folder.with_name(f".{folder.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    if folder.exists():
        folder.rename(previous)
    partial.rename(folder)
    shutil.rmtree(previous, ignore_errors=True)


def write_profile(folder: Path, profile: ModelProfile) -> None:
    """Write ``sentistream.json``."""
    text = json.dumps(profile.model_dump(), indent=2)
    (folder / PROFILE_FILE).write_text(text + "\n", encoding="utf-8")
