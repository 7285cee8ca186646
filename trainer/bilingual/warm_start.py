"""A causal decoder from the English encoder's weights, with the added tokens.

Like ``trainer.warm_start``, which says why a post-LN OPT layer is a BERT layer. BERT's norm over the summed embeddings
is folded more closely here: each token's vector is divided by the deviation of its own sum with the mean position.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import OPTConfig, OPTForCausalLM

from trainer.bilingual.english_encoder import EnglishEncoder
from trainer.bilingual.tokenizer import PADDING, SEPARATOR, START
from trainer.bilingual.vocabulary import Vocabulary
from trainer.warm_start import POSITION_OFFSET, layers_state

#: Dropout after each half of a layer, as BERT has it; the attention's costs much time and gives little.
_DROPOUT: Final = 0.1
#: Size of a head of attention in the encoder, whose file does not tell it.
_HEAD: Final = 32


def opt_config(encoder: EnglishEncoder, vocabulary: Vocabulary, layers: tuple[int, ...]) -> OPTConfig:
    """The OPT configuration whose layers are the encoder's, causally masked."""
    tokens, hidden = vocabulary.rows.shape
    return OPTConfig(
        vocab_size=tokens,
        hidden_size=hidden,
        word_embed_proj_dim=hidden,
        num_hidden_layers=len(layers),
        num_attention_heads=hidden // _HEAD,
        ffn_dim=len(encoder.weights["encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(encoder.weights["embeddings.position_embeddings.weight"]),
        activation_function="gelu",
        do_layer_norm_before=False,
        dropout=_DROPOUT,
        attention_dropout=0.0,
        pad_token_id=vocabulary.tokenizer.token_to_id(PADDING),
        bos_token_id=vocabulary.tokenizer.token_to_id(START),
        eos_token_id=vocabulary.tokenizer.token_to_id(SEPARATOR),
        tie_word_embeddings=True,
    )


def _embeddings(encoder: EnglishEncoder, rows: NDArray[np.float32]) -> dict[str, Tensor]:
    weights = encoder.weights
    # Every token of a prompt is of segment 0: its vector goes along with the position.
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    scale, shift = weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"]
    words = rows - rows.mean(1, keepdims=True)
    positions = positions - positions.mean(1, keepdims=True)
    deviation = (words + positions.mean(0)).std(1, keepdims=True)
    words = words / deviation * scale
    positions = positions / deviation.mean() * scale + shift
    positions = np.concatenate([np.zeros((POSITION_OFFSET, positions.shape[1]), np.float32), positions])
    tied = torch.from_numpy(words.astype(np.float32))
    return {
        "model.decoder.embed_tokens.weight": tied,
        "model.decoder.embed_positions.weight": torch.from_numpy(positions.astype(np.float32)),
        "lm_head.weight": tied,
    }


def warm_start(encoder: EnglishEncoder, vocabulary: Vocabulary, layers: tuple[int, ...]) -> OPTForCausalLM:
    """The decoder, warm-started."""
    model = OPTForCausalLM(opt_config(encoder, vocabulary, layers))
    weights = {name: torch.from_numpy(value) for name, value in encoder.weights.items()}
    model.load_state_dict(_embeddings(encoder, vocabulary.rows) | layers_state(weights, layers))
    model.tie_weights()
    return model
