"""A model of the real shape in miniature, with a tokenizer that knows the label words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from schemas.taxonomy import built_in
from tests.trainer.label_rounds import miniature
from trainer.corpora import Conversation, LabelledTurn
from trainer.train_base import base_profile

WORDS = "[PAD] [UNK] [CLS] [SEP] one of , : ? emotion the last speaker checked again ada bo it is good bad news so what"
#: What is said decides the label, so that a working loop learns it within seconds.
SAID = {"joy": "good news", "sadness": "bad news", "surprise": "so what", "neutral": "it is news"}


@pytest.fixture(scope="session")
def tokenizer_json() -> str:
    labels = [label.word for taxonomy in built_in().values() for label in taxonomy.labels]
    words = list(dict.fromkeys([*WORDS.split(), *labels]))
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    text: str = tokenizer.to_str()
    return text


@pytest.fixture(scope="session")
def profile() -> ModelProfile:
    return base_profile("tiny")


@pytest.fixture
def tiny_model(tokenizer_json: str) -> Callable[[], OPTForCausalLM]:
    def make() -> OPTForCausalLM:
        return miniature(tokenizer_json)

    return make


@pytest.fixture(scope="session")
def meld_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A file in MELD's format with so many dialogues of our own."""

    def make(dialogues: int) -> Path:
        path = tmp_path_factory.mktemp("meld") / "sent_emo.csv"
        rows = ["Utterance,Speaker,Emotion,Dialogue_ID"]
        names = list(SAID)
        for number in range(dialogues):
            for turn in range(3):
                label = names[(number + turn * (1 + number % 3)) % len(names)]
                rows.append(f"{SAID[label]},{('Ada', 'Bo')[turn % 2]},{label},{number}")
        path.write_text("\n".join(rows), encoding="utf-8")
        return path

    return make


@pytest.fixture
def conversation() -> Conversation:
    turns = (
        LabelledTurn("Ada", "good news", "joy"),
        LabelledTurn("Bo", "so what"),
        LabelledTurn("Ada", "bad news", "sadness"),
    )
    return Conversation("c1", "en", "meld", turns)
