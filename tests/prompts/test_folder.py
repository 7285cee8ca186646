"""What is wrong with a model folder or a template is said in words, with the file's name."""

from pathlib import Path

import pytest

from prompts.errors import ProfileError, TemplateError
from prompts.profile import PROFILE_FILE, ModelProfile, find_model
from prompts.template import load_template
from prompts.tokenizer import PromptTokenizer


def test_a_folder_without_its_files(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"sentistream\.json is missing"):
        ModelProfile.read(tmp_path)
    with pytest.raises(ProfileError, match=r"tokenizer\.json is missing"):
        PromptTokenizer(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "x"}', b"\xff"])
def test_a_profile_that_cannot_be_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PROFILE_FILE).write_bytes(content)
    with pytest.raises(ProfileError, match=r"sentistream\.json"):
        ModelProfile.read(tmp_path)


def test_a_tokenizer_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ProfileError, match=r"tokenizer\.json"):
        PromptTokenizer(tmp_path)


def test_a_folder_is_found_by_its_path_and_a_name_is_explained(folder: Path) -> None:
    assert find_model(str(folder)) == folder.resolve()
    assert ModelProfile.read(folder).name == "small"
    with pytest.raises(ProfileError, match="MODEL"):
        find_model("nowhere")


def test_the_checksum_is_the_files(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer.json"
    other.write_bytes((folder / "tokenizer.json").read_bytes() + b"\n")
    assert PromptTokenizer(folder).sha256 != PromptTokenizer(tmp_path).sha256
    assert len(PromptTokenizer(folder).sha256) == 64


def test_templates_of_both_languages_have_the_same_blanks() -> None:
    for name in ("completion", "chat"):
        english, chinese = load_template(name, "en"), load_template(name, "zh")
        assert english != chinese
        for field in ("turn", "history", "scene", "labels", "label", "deduction", "message", "said"):
            ours, theirs = getattr(english, field), getattr(chinese, field)
            assert sorted(_blanks(ours)) == sorted(_blanks(theirs)), field
        assert english.reply.keys() == chinese.reply.keys()


def test_a_language_without_a_template_is_asked_in_english() -> None:
    assert load_template("chat", "ru") == load_template("chat", "en")
    with pytest.raises(TemplateError, match="completion"):
        load_template("nowhere", "en")


def _blanks(text: str) -> list[str]:
    return [piece.split("}")[0] for piece in text.split("{")[1:]]
