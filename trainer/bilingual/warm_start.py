"""A causal decoder from multilingual-e5-small's weights, for the trimmed vocabulary.

Like ``trainer.warm_start``, which says why a post-LN OPT layer is a BERT layer. BERT's norm over the summed embeddings
is folded more closely here: each token's vector is divided by the deviation of its own sum with the mean position.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from transformers import OPTConfig, OPTForCausalLM

from trainer.bilingual.e5_file import E5File
from trainer.bilingual.tokenizer import PADDING, SEPARATOR, SPECIAL, START
from trainer.bilingual.vocabulary import Vocabulary
from trainer.warm_start import POSITION_OFFSET

#: Dropout after each half of a layer, as BERT has it; the attention's costs much time and gives little.
_DROPOUT: Final = 0.1

_NAMES: Final = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "ao": "self_attn.out_proj",
    "aln": "self_attn_layer_norm",
    "fi": "fc1",
    "fo": "fc2",
    "oln": "final_layer_norm",
}


def opt_config(file: E5File, words: int, layers: tuple[int, ...]) -> OPTConfig:
    """The OPT configuration whose layers are the encoder's, causally masked."""
    shape = file.shape
    return OPTConfig(
        vocab_size=words,
        hidden_size=shape.hidden,
        word_embed_proj_dim=shape.hidden,
        num_hidden_layers=len(layers),
        num_attention_heads=shape.heads,
        ffn_dim=shape.feed_forward,
        max_position_embeddings=shape.positions,
        activation_function="gelu",
        do_layer_norm_before=False,
        dropout=_DROPOUT,
        attention_dropout=0.0,
        pad_token_id=SPECIAL.index(PADDING),
        bos_token_id=SPECIAL.index(START),
        eos_token_id=SPECIAL.index(SEPARATOR),
        tie_word_embeddings=True,
    )


def decoder_state(file: E5File, vocabulary: Vocabulary, layers: tuple[int, ...]) -> dict[str, Tensor]:
    """OPT's weights by name, of these layers of the encoder, counted from 0."""
    state = _embeddings(file, vocabulary)
    hidden, wide = file.shape.hidden, file.shape.feed_forward
    sizes = {"fi": (wide, hidden), "fo": (hidden, wide)}
    for index, layer in enumerate(layers):
        for theirs, ours in _NAMES.items():
            out, into = sizes.get(theirs, (hidden, hidden))
            shape = (out,) if theirs.endswith("ln") else (out, into)
            name = f"model.decoder.layers.{index}.{ours}"
            state[f"{name}.weight"] = torch.from_numpy(file.tensor(f"l{layer}.{theirs}.w", *shape).copy())
            state[f"{name}.bias"] = torch.from_numpy(file.tensor(f"l{layer}.{theirs}.b", out).copy())
    return state


def _embeddings(file: E5File, vocabulary: Vocabulary) -> dict[str, Tensor]:
    hidden = file.shape.hidden
    rows = file.tensor("emb.word", _rows(file), hidden)
    words = vocabulary.gather(rows)
    # Every token of a prompt is of segment 0: its vector goes along with the position.
    segment = file.tensor("emb.type", 2 * hidden)[:hidden]
    positions = file.tensor("emb.pos", file.shape.positions, hidden) + segment
    scale, shift = file.tensor("emb.ln.w", hidden), file.tensor("emb.ln.b", hidden)
    words = words - words.mean(1, keepdims=True)
    positions = positions - positions.mean(1, keepdims=True)
    deviation = (words + positions.mean(0)).std(1, keepdims=True)
    words = words / deviation * scale
    positions = positions / deviation.mean() * scale + shift
    positions = np.concatenate([np.zeros((POSITION_OFFSET, hidden), np.float32), positions])
    tied = torch.from_numpy(words.astype(np.float32))
    return {
        "model.decoder.embed_tokens.weight": tied,
        "model.decoder.embed_positions.weight": torch.from_numpy(positions.astype(np.float32)),
        "lm_head.weight": tied,
    }


def _rows(file: E5File) -> int:
    return file.shape.words


def warm_start(file: E5File, vocabulary: Vocabulary, layers: tuple[int, ...]) -> OPTForCausalLM:
    """The decoder, warm-started."""
    model = OPTForCausalLM(opt_config(file, len(vocabulary.sources), layers))
    model.load_state_dict(decoder_state(file, vocabulary, layers))
    model.tie_weights()
    return model
