"""How far a refresh goes from the beginning of its training to its end, chosen on development messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from schemas.interpolation import ShareChoice, ShareFigures
from tests.trainer.label_rounds import conversations
from tests.trainer.lora_rig import examples_of, recipe, write_base
from trainer.calibration import chance_error, crossed_confidence, probabilities
from trainer.errors import StoppedError
from trainer.examples import Example
from trainer.gate.settings import GateSettings
from trainer.lora.loading import WEIGHTS_FILE, load_for_answers
from trainer.lora.recipe import Recipe
from trainer.lora.share_file import SHARE_FILE, read_choice
from trainer.lora.shares import Limits, Yardsticks, best_of, figures
from trainer.lora.train import train_adapter
from trainer.metrics import bins_for, calibration_error
from trainer.predict import label_logits
from trainer.train_base import builder_for

MakeFile = Callable[[int], Path]
LIMITS = Limits(guard_loss=0.005, calibration_error=0.05)
SHARES = (0.25, 0.5, 1.0)


def row(share: float, macro_f1: float, meld: float, *, unsure: float = 0.0) -> ShareFigures:
    return ShareFigures(
        share=share,
        macro_f1=macro_f1,
        weighted_f1=macro_f1,
        calibration_error=0.06 + unsure,
        calibration_by_chance=0.06,
        guards={"meld": meld, "emorynlp": 0.4},
    )


def test_the_best_share_that_unlearns_little_is_taken() -> None:
    tried = (row(0.3, 0.60, 0.570), row(0.6, 0.64, 0.566), row(1.0, 0.66, 0.550))
    assert best_of(row(0, 0.5, 0.57), tried, LIMITS) == (
        0.6,
        "best macro-F1 on the platform among 2 of 3 that keep to the limits",
    )


def test_a_share_that_is_too_sure_of_itself_is_not_taken() -> None:
    tried = (row(0.3, 0.60, 0.57), row(0.6, 0.64, 0.57, unsure=0.04), row(1.0, 0.66, 0.57, unsure=0.06))
    assert best_of(row(0, 0.5, 0.57), tried, LIMITS)[0] == 0.6


def test_the_smallest_share_is_taken_where_none_keeps_to_the_limits() -> None:
    share, reason = best_of(row(0, 0.5, 0.57), (row(0.6, 0.64, 0.5), row(0.3, 0.60, 0.56)), LIMITS)
    assert (share, reason) == (0.3, "the smallest: none of 2 keeps to the limits")


def test_of_equals_the_smaller_share_is_taken() -> None:
    assert best_of(row(0, 0.5, 0.57), (row(0.6, 0.64, 0.57), row(0.3, 0.64, 0.57)), LIMITS)[0] == 0.3


def test_what_chance_makes_of_a_calibration_error_is_known() -> None:
    draw = np.random.default_rng(0)
    confidence = draw.uniform(0.3, 1.0, 400)
    right = draw.random(400) < confidence
    by_chance = chance_error(confidence, 13)
    assert calibration_error(confidence, right, 13) == pytest.approx(by_chance, abs=0.03)
    assert by_chance > 0.04
    assert calibration_error(confidence, draw.random(400) < confidence - 0.2, 13) > by_chance + 0.1


@pytest.mark.parametrize("messages", [30, 50, 100, 200, 400])
def test_no_share_could_be_under_the_gates_limit_but_by_what_is_beyond_chance(messages: int) -> None:
    """Of as many messages as a choice has; the gate's own reading may be the plain one."""
    confidence = np.random.default_rng(messages).uniform(0.3, 1.0, messages)
    by_chance = chance_error(confidence, bins_for(messages))
    assert by_chance > GateSettings().gate_calibration_error
    both = {"calibration_error": by_chance, "calibration_by_chance": by_chance}
    perfect = row(0.3, 0.60, 0.57).model_copy(update=both)
    assert best_of(row(0, 0.5, 0.57), (row(0.1, 0.55, 0.57), perfect), LIMITS)[0] == 0.3


def test_no_message_is_measured_with_a_temperature_of_its_own() -> None:
    """In the second half the first answers are wrong as often as right: all of its doubt goes into the first half."""
    logits = np.tile([[3.0, 0.0]], (80, 1))
    halves = [0] * 40 + [1] * 40
    truth = np.array([0] * 40 + [0, 1] * 20)
    found = crossed_confidence(logits, truth, halves)
    assert found[0] < 0.75
    assert found[-1] > 0.95
    broken = logits.copy()
    broken[5] = -np.inf
    assert crossed_confidence(broken, truth, halves)[5] == 0
    alone = crossed_confidence(logits, truth, [0] * 80)
    assert alone == pytest.approx(np.full(80, alone[0]))
    assert alone[0] < probabilities(logits)[0, 0]


@pytest.fixture
def base(tmp_path: Path, tiny_model: Callable[[], OPTForCausalLM], profile: ModelProfile, tokenizer_json: str) -> Path:
    return write_base(tmp_path / "base", tiny_model(), profile, tokenizer_json)


@pytest.fixture(scope="module")
def platform(profile: ModelProfile, tokenizer_json: str) -> Callable[[int], list[Example]]:
    builder = builder_for(profile, tokenizer_json)
    return lambda count: list(builder.examples(conversations("platform", count, seed=1)))


class Round:
    """Trainings of one base on the same examples."""

    def __init__(self, folder: Path, base: Path, train: list[Example], platform: list[Example]) -> None:
        self.folder, self.base, self.examples, self.platform = folder, base, train, platform

    def train(self, name: str, made: Recipe, guards: dict[str, list[Example]] | None = None, **options: Any) -> Path:
        out = self.folder / name
        work = self.folder / f"{name}-work"
        given = {"guards": guards or {}, **options}
        train_adapter(self.base, made, self.examples, self.platform, work, out, **given)
        return out


@pytest.fixture
def training(tmp_path: Path, base: Path, meld_file: MakeFile, platform: Callable[[int], list[Example]]) -> Round:
    return Round(tmp_path, base, examples_of(base, meld_file(30)), platform(20))


def chosen(folder: Path) -> ShareChoice:
    found = read_choice(folder)
    assert found is not None
    return found


def test_the_chosen_share_is_what_is_written(training: Round) -> None:
    short: dict[str, Any] = {"max_steps": 20, "learning_rate": 1e-2}
    with capture_logs() as said:
        out = training.train("chosen", recipe(**short, interpolation=SHARES), {"meld (a.csv)": training.examples})
    choice = chosen(out)
    assert [one.share for one in choice.tried] == list(SHARES)
    assert choice.live is not None
    assert choice.guard_messages == {"meld (a.csv)": 90}
    assert choice.messages == 60
    fixed = training.train("fixed", recipe(**short, interpolation=choice.share), {"meld (a.csv)": training.examples})
    assert (out / WEIGHTS_FILE).read_bytes() == (fixed / WEIGHTS_FILE).read_bytes()
    assert not (fixed / SHARE_FILE).exists()
    (line,) = [one for one in said if one["event"] == "share_chosen"]
    assert (line["share"], len(line["tried"])) == (choice.share, 3)
    # The figures are those of the weights as they are served, but for their precision.
    served = figures(choice.share, load_for_answers(training.base, out), Yardsticks(training.platform))
    (tried,) = [one for one in choice.tried if one.share == choice.share]
    assert served.macro_f1 == pytest.approx(tried.macro_f1, abs=0.1)


def test_a_guard_that_nothing_may_be_lost_on_keeps_the_share_small(training: Round) -> None:
    """The guard's truth is what the base says, so that each step away from it is a loss."""
    base = load_for_answers(training.base, None)
    asked = training.examples
    guard = [
        Example(one.conversation, one.question, one.label_ids, int(said))
        for one, said in zip(asked, label_logits(base, asked).argmax(-1), strict=True)
    ]
    long = recipe(epochs=4, learning_rate=1e-2, interpolation=(1e-6, 1.0), interpolation_loss=0.0, patience=None)
    assert chosen(training.train("free", long)).share == 1.0
    held = chosen(training.train("held", long, {"what the base says": guard}))
    assert held.live is not None
    assert held.live.guards["what the base says"] == pytest.approx(1.0, abs=0.03)
    assert held.share == 1e-6


@pytest.mark.parametrize("anew", [{}, {"rank": 2}, {"continue_from_live": False}])
def test_shares_are_compared_with_the_live_adapter_wherever_training_began(
    training: Round, anew: dict[str, Any]
) -> None:
    training.platform = training.examples[:60]
    live = training.train("live", recipe(rank=8, epochs=20, learning_rate=1e-2, patience=None))
    out = training.train("next", recipe(**{"rank": 8, "max_steps": 1, "interpolation": SHARES, **anew}), parent=live)
    found = chosen(out).live
    assert found is not None
    expected = figures(0.0, load_for_answers(training.base, live), Yardsticks(training.platform))
    assert found.macro_f1 == pytest.approx(expected.macro_f1, abs=0.05)
    assert found.macro_f1 > 0.7


def test_few_development_messages_choose_nothing(training: Round) -> None:
    training.platform = training.platform[:29]
    choice = chosen(training.train("few", recipe(max_steps=1, interpolation=SHARES)))
    assert (choice.share, choice.tried, choice.live) == (0.25, (), None)
    assert choice.reason == "the smallest: 29 development messages of the platform are too few to choose by"


def test_a_stop_while_shares_are_measured_is_gone_on_with(training: Round) -> None:
    made = recipe(max_steps=3, interpolation=SHARES)
    calls = iter(range(100))

    def stop() -> None:
        if next(calls) == 5:  # three steps, what was live, and then
            raise StoppedError

    with pytest.raises(StoppedError):
        training.train("stopped", made, halt=stop)
    assert not (training.folder / "stopped" / WEIGHTS_FILE).exists()
    out = training.train("stopped", made)
    whole = training.train("whole", made)
    for name in (WEIGHTS_FILE, SHARE_FILE):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_recipe_names_one_share_or_several() -> None:
    assert recipe(interpolation=0.6).shares == (0.6,)
    assert recipe(interpolation=[1.0, 0.3, 0.3]).shares == (0.3, 1.0)
    assert Recipe.load("sentixrl:new-domain").shares == (0.3, 0.45, 0.6, 0.8, 1.0)
    for wrong in ([], [0.0, 0.5], 1.1):
        with pytest.raises(ValidationError, match="interpolation"):
            recipe(interpolation=wrong)
