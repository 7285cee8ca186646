"""A model folder with a random OPT of a few thousand weights, and LoRA adapters for it."""

import string
from collections.abc import Sequence
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import OPTConfig, OPTForCausalLM

from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile
from schemas.taxonomy import Label

WORDS = ("joy", "anger", "sadness", "fear", "neutral")
LABELS = tuple(Label(name=word.title(), word=word) for word in WORDS)
VOCABULARY = 256
MODULES = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def make_model(folder: Path, *, hidden: int = 64, seed: int = 0) -> Path:
    """Write config, weights, tokenizer and profile."""
    torch.manual_seed(seed)
    config = OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        word_embed_proj_dim=hidden,
        num_hidden_layers=2,
        ffn_dim=2 * hidden,
        num_attention_heads=hidden // 32,
        max_position_embeddings=512,
        do_layer_norm_before=False,
        activation_function="gelu",
        init_std=0.2,
    )
    OPTForCausalLM(config).save_pretrained(folder)
    vocabulary = {word: index for index, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
    vocabulary |= {letter: len(vocabulary) + index for index, letter in enumerate(string.ascii_lowercase)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER_FILE))
    profile = ModelProfile(
        name="tiny-opt",
        template="dialogue",
        parts=("I", "H"),
        languages=("en",),
        taxonomies=("meld",),
        token_budget=480,
        context_length=512,
        history_turns=5,
    )
    (folder / PROFILE_FILE).write_text(profile.model_dump_json())
    return folder


def make_adapter(model: Path, folder: Path, seed: int, *, rank: int = 8) -> Path:
    """Write a LoRA adapter that changes answers a good deal."""
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(MODULES), task_type="CAUSAL_LM")
    tuned = get_peft_model(OPTForCausalLM.from_pretrained(model, dtype=torch.float32), config)
    for name, weights in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    tuned.save_pretrained(folder)
    return folder


def reference(
    model: Path, prompts: Sequence[Sequence[int]], among: Sequence[int], adapter: Path | None = None
) -> list[list[float]]:
    """Log-probabilities over the tokens of the choice by transformers, the adapter merged into the weights."""
    network = OPTForCausalLM.from_pretrained(model, dtype=torch.float32)
    if adapter is not None:
        network = PeftModel.from_pretrained(network, str(adapter)).merge_and_unload()
    network.eval()
    rows: list[list[float]] = []
    with torch.no_grad():
        for ids in prompts:
            logits = network(torch.tensor([list(ids)])).logits[0, -1, list(among)]
            rows.append(torch.log_softmax(logits, dim=-1).tolist())
    return rows
