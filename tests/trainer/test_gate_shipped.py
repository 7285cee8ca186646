"""The whole way on the model that ships: labels, the trainer's own training, the gate."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import Example, ExampleBuilder
from trainer.gate.answers import Serving
from trainer.gate.judge import Verdict, judge
from trainer.gate.sets import FrozenSets
from trainer.gate.settings import GateSettings
from trainer.lora.recipe import Recipe
from trainer.lora.train import train_adapter

BASE = find_model(SHIPPED_MODEL)
#: Words of a platform's own, which the model cannot know, and plain ones, which it does.
WORDS = {
    "joy": ("zonky", "so happy"),
    "anger": ("brimped", "furious"),
    "sadness": ("dwolly", "so sad"),
    "neutral": ("plinny", "on the bus"),
}
THINGS = ("match", "new phone", "job", "letter", "song", "dinner", "update", "train")
TRAINING = ("i am {word} about the {thing}", "{word} , that {thing} , i am {word}")
HELD_OUT = ("we are {word} after the {thing}", "the {thing} ... i am {word} now")


def conversations(name: str, frames: tuple[str, ...], count: int, *, shuffle: bool = False) -> Iterator[Conversation]:
    rng = np.random.default_rng(len(name))
    labels = [list(WORDS)[one] for one in rng.integers(0, len(WORDS), count)]
    given = [str(one) for one in rng.permutation(labels)] if shuffle else labels
    for number, (label, said) in enumerate(zip(labels, given, strict=True)):
        words = WORDS[label]
        text = str(rng.choice(frames)).format(word=words[number % 2], thing=rng.choice(THINGS))
        yield Conversation(f"{name}-{number}", "en", "meld", (LabelledTurn("Ada", text, said),))


@pytest.fixture(scope="module")
def builder() -> ExampleBuilder:
    return ExampleBuilder(ModelProfile.read(BASE), PromptTokenizer(BASE))


def refreshed(builder: ExampleBuilder, out: Path, *, shuffle: bool) -> Verdict:
    def examples(name: str, frames: tuple[str, ...], count: int, *, shuffle: bool = False) -> list[Example]:
        return list(builder.examples(conversations(name, frames, count, shuffle=shuffle)))

    recipe = Recipe.load("plain").model_copy(update={"epochs": 3, "batch_size": 16, "micro_batch": 16})
    development = examples("development", TRAINING, 40)
    training = examples("training", TRAINING, 160, shuffle=shuffle)
    train_adapter(BASE, recipe, training, development[:8], out / "work", out / "adapter")
    sets = FrozenSets(examples("held-out", HELD_OUT, 120), development)
    # The candidate asks the discriminator more often than the base, and one turn beside other tests measures little:
    # test_gate_timing has what the rule of time does.
    settings = GateSettings(gate_time_rise=10.0, gate_time_turns=1)
    return judge(BASE, None, out / "adapter", sets, Serving("calibrated"), settings, out)


def test_labels_of_a_new_domain_are_learnt_and_released(builder: ExampleBuilder, tmp_path: Path) -> None:
    verdict = refreshed(builder, tmp_path, shuffle=False)
    assert verdict.released, verdict.reasons
    assert verdict.metrics["macro_f1"] > verdict.metrics["live_macro_f1"] + 0.1


@pytest.mark.soak
def test_shuffled_labels_are_refused(builder: ExampleBuilder, tmp_path: Path) -> None:
    verdict = refreshed(builder, tmp_path, shuffle=True)
    assert not verdict.released
    assert any(reason.startswith("macro-F1 not worse") for reason in verdict.reasons)
