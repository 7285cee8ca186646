import pytest
import torch
from transformers import BertConfig, BertModel, OPTForCausalLM

from trainer import warm_start as module
from trainer.errors import WarmStartError
from trainer.warm_start import EMBEDDING_STD, decoder_state, opt_config


@pytest.fixture
def bert() -> BertModel:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=16,
        layer_norm_eps=1e-5,
        attn_implementation="eager",
    )
    return BertModel(config, add_pooling_layer=False).eval()


def converted(bert: BertModel) -> OPTForCausalLM:
    model = OPTForCausalLM(opt_config(bert.config))
    model.load_state_dict(decoder_state(bert.state_dict(), bert.config.num_hidden_layers))
    model.set_attn_implementation("eager")
    return model.eval()


def test_a_converted_layer_is_the_encoders_when_attention_looks_both_ways(bert: BertModel) -> None:
    # Freshly made norms and biases are ones and zeros, under which a mix-up would not show.
    for parameter in bert.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model = converted(bert)
    hidden = torch.randn(2, 9, 24)
    everything = torch.zeros(2, 1, 9, 9)
    with torch.no_grad():
        for theirs, ours in zip(bert.encoder.layer, model.model.decoder.layers, strict=True):
            expected = theirs(hidden, everything)
            expected = expected[0] if isinstance(expected, tuple) else expected
            torch.testing.assert_close(ours(hidden, attention_mask=everything), expected, rtol=1e-4, atol=1e-4)


def test_the_folded_norm_gives_the_encoders_input_where_the_sum_has_the_mean_deviation(bert: BertModel) -> None:
    embeddings = bert.embeddings
    with torch.no_grad():
        embeddings.LayerNorm.weight.uniform_(0.5, 1.5)
        embeddings.LayerNorm.bias.uniform_(-1, 1)
        ids = torch.tensor([[7]])
        # One word's vector is set so that the sum at position 0 has just the deviation that the fold assumes.
        wanted = torch.randn(24)
        wanted = (wanted - wanted.mean()) / wanted.std(unbiased=False) * EMBEDDING_STD + 0.4
        other = embeddings.position_embeddings.weight[0] + embeddings.token_type_embeddings.weight[0]
        embeddings.word_embeddings.weight[7] = wanted - other
        decoder = converted(bert).model.decoder
        ours = decoder.embed_tokens(ids) + decoder.embed_positions(torch.ones_like(ids))
        torch.testing.assert_close(ours, embeddings(ids), rtol=0.01, atol=0.01)


def test_the_output_is_tied_and_nothing_follows_the_last_layer(bert: BertModel) -> None:
    model = converted(bert)
    assert model.lm_head.weight is model.model.decoder.embed_tokens.weight
    assert model.model.decoder.final_layer_norm is None


def test_a_missing_weight_is_named(bert: BertModel) -> None:
    state = bert.state_dict()
    del state["encoder.layer.1.output.dense.bias"]
    with pytest.raises(WarmStartError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        decoder_state(state, 2)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(WarmStartError, match=r"sentistream\[train\]"):
        module.encoder_folder()
