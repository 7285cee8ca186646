from pathlib import Path

import pytest
import yaml

from trainer.lora.errors import RecipeError
from trainer.lora.recipe import VARIANTS, Recipe, names

FOLDER = Path(__file__).parents[2] / "trainer" / "recipes"
MODELS = ("", ":llama-3.1-8b", ":qwen3-8b")


def test_three_recipes_for_three_models() -> None:
    assert names() == ["dialoguellm", "plain", "sentixrl"]
    for name in names():
        for model in MODELS:
            recipe = Recipe.load(f"{name}{model}")
            assert ("gate_proj" in recipe.target_modules) == bool(model)
            assert recipe.quantization == ("4bit" if model else None)


@pytest.mark.parametrize("name", ["dialoguellm", "plain", "sentixrl"])
def test_each_field_is_there_and_explained(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert set(yaml.safe_load(text)) - {VARIANTS} == set(Recipe.model_fields)
    for block in text.split("\n\n"):
        assert block.startswith(("#", VARIANTS)), block
    assert all(field.description for field in Recipe.model_fields.values())


def test_the_papers_figures() -> None:
    xrl, dialogue, plain = (Recipe.load(name) for name in ("sentixrl", "dialoguellm", "plain"))
    assert (xrl.gamma, xrl.tasks, plain.gamma, plain.alpha) == (2.0, "both", 0.0, None)
    assert (dialogue.rank, dialogue.lora_alpha, dialogue.lora_dropout, dialogue.learning_rate) == (4, 16, 0.05, 3e-4)
    assert (dialogue.batch_size, dialogue.micro_batch, dialogue.epochs, dialogue.max_tokens) == (128, 8, 5, 256)
    assert (dialogue.betas, dialogue.final_rate, dialogue.history_turns) == ((0.9, 0.95), 0.1, 1)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("sentixlr", "choose of dialoguellm, plain, sentixrl"),
        ("sentixrl:gpt-2", "no variant 'gpt-2'; it has new-domain, llama-3.1-8b, qwen3-8b"),
        ("missing.yaml", "cannot be read"),
    ],
)
def test_a_name_that_is_wrong_is_explained(name: str, what: str) -> None:
    with pytest.raises(RecipeError, match=what):
        Recipe.load(name)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    content = yaml.safe_load((FOLDER / "plain.yaml").read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**content, "rank": 3}))
    assert Recipe.load(str(path)).rank == 3
    path.write_text(yaml.safe_dump({**content, "learning_rat": 1.0}))
    with pytest.raises(RecipeError, match="learning_rat"):
        Recipe.load(str(path))
    path.write_text("- 1")
    with pytest.raises(RecipeError, match="no list of fields"):
        Recipe.load(str(path))
