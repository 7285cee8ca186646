import json
from pathlib import Path

import pytest
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import OPTForCausalLM

from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import load_taxonomy
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import ExampleBuilder
from trainer.predict import label_logits

FOLDER = find_model(SHIPPED_MODEL)


@pytest.fixture(scope="module")
def profile() -> ModelProfile:
    return ModelProfile.read(FOLDER)


@pytest.fixture(scope="module")
def model() -> OPTForCausalLM:
    return OPTForCausalLM.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def tokenizer() -> PromptTokenizer:
    return PromptTokenizer(FOLDER)


def test_every_label_of_its_taxonomies_is_one_token(profile: ModelProfile, tokenizer: PromptTokenizer) -> None:
    roles = RolePrompts(profile, tokenizer)
    for name in profile.taxonomies:
        labels = load_taxonomy(name).labels
        assert len(set(roles.label_ids(labels))) == len(labels)


def test_the_whole_negotiation_fits_its_positions(profile: ModelProfile, tokenizer: PromptTokenizer) -> None:
    builder = ExampleBuilder(profile, tokenizer)
    turns = tuple(LabelledTurn("Ada", f"{number} is too long " * 300, "joy") for number in range(7))
    example = list(builder.examples([Conversation("c", "en", "meld", turns)]))[-1]
    assert len(example.question.opening) <= profile.token_budget
    from prompts.roles import Said, next_role

    said: list[Said] = []
    for _ in range(5):
        said.append(Said(next_role(said), "surprise"))
    config = json.loads((FOLDER / "config.json").read_text())
    assert len(builder.roles.ask(example.question, said).token_ids) < profile.context_length
    assert profile.context_length == config["max_position_embeddings"]


def test_the_folder_is_small_readable_by_all_and_has_a_card() -> None:
    with safe_open(FOLDER / "model.safetensors", "pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"BF16"}  # noqa: SIM118
    assert (FOLDER / "model.safetensors").stat().st_size < 80_000_000
    assert all(Path(entry).stat().st_mode & 0o004 for entry in FOLDER.iterdir())
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(corpus in card for corpus in ("MELD", "EmoryNLP", "DailyDialog", "EmoContext", "GoEmotions", "CPED"))
    assert all(corpus in card for corpus in ("SMP2020", "Twitter-2015", "Twitter-2017"))


def test_each_taxonomy_has_a_temperature_and_a_threshold_of_its_own(profile: ModelProfile) -> None:
    assert set(profile.trust) == set(profile.taxonomies)


def test_its_tokenizer_neither_cuts_nor_pads() -> None:
    raw = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert raw.truncation is None
    assert raw.padding is None


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("en", "Oh wow, we won! I am so happy, this is wonderful!", "joy"),
        ("en", "Get out! I hate you, you lied to me!", "anger"),
        ("en", "I miss her so much. I can not stop crying.", "sadness"),
        ("en", "The meeting is on the second floor.", "neutral"),
        ("en", "What?! Are you serious?!", "surprise"),
        ("zh", "太好了！我们赢了，我今天真的太开心了！", "joy"),
        ("zh", "滚出去！我恨你，你一直在骗我！", "anger"),
        ("zh", "我好想她，一直忍不住哭。", "sadness"),
        ("zh", "会议在二楼。", "neutral"),
        ("zh", "什么？！这怎么可能？！", "surprise"),
    ],
)
def test_it_labels_the_plain_cases(
    profile: ModelProfile, tokenizer: PromptTokenizer, model: OPTForCausalLM, language: str, text: str, label: str
) -> None:
    builder = ExampleBuilder(profile, tokenizer)
    (example,) = builder.examples([Conversation("c", language, "meld", (LabelledTurn("Ada", text, label),))])
    assert int(label_logits(model, [example]).argmax()) == example.target
