from typing import Any

import numpy as np
import pytest

from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.roles import Question
from schemas.prompt import PromptParts
from schemas.taxonomy import Label
from trainer import fitting
from trainer.calibration import apply_threshold, fit_temperature, fit_threshold, margins, probabilities
from trainer.examples import Example
from trainer.metrics import OUTLIER, Indices, calibration_error, weighted_f1
from trainer.policies import compare
from trainer.sanm import Negotiated


def drawn(temperature: float, count: int = 4000) -> tuple[np.ndarray, Indices]:
    """Logits, and truths that they describe once divided by the temperature."""
    rng = np.random.default_rng(11)
    logits = rng.normal(0, 3, (count, 5))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits / temperature + gumbel).argmax(-1)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_temperature_that_made_the_data_is_found(temperature: float) -> None:
    logits, truth = drawn(temperature)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.1)


def test_the_fitted_temperature_mends_overconfidence() -> None:
    logits, truth = drawn(2.5)
    right = logits.argmax(-1) == truth
    fitted = fit_temperature(logits, truth)
    before, after = (calibration_error(probabilities(logits, one).max(-1), right) for one in (1.0, fitted))
    assert after < 0.03 < before


def test_padding_of_smaller_label_sets_has_no_probability() -> None:
    logits = np.array([[1.0, 0.0, -np.inf]])
    assert probabilities(logits)[0, 2] == 0
    assert fit_temperature(np.repeat(logits, 20, 0), np.array([0] * 15 + [1] * 5)) > 0


def negotiated(logits: np.ndarray, final: Indices) -> Negotiated:
    return Negotiated(logits, logits.argmax(-1), final, np.full(len(final), 2))


def test_a_useful_discriminator_is_asked_as_often_as_allowed() -> None:
    logits, truth = drawn(1.0, 1000)
    found = fit_threshold(negotiated(logits, truth), 1.0, truth, most_asked=0.1)
    assert (~found.accepted).mean() == pytest.approx(0.1, abs=0.005)
    assert weighted_f1(truth, found.final, 5) > weighted_f1(truth, logits.argmax(-1), 5)
    assert margins(logits, 1.0)[found.accepted].min() >= found.margin


def test_a_harmful_discriminator_is_never_asked() -> None:
    logits, truth = drawn(0.2, 400)
    found = fit_threshold(negotiated(logits, np.full(400, OUTLIER)), 1.0, truth, most_asked=0.2)
    first = logits.argmax(-1)
    assert weighted_f1(truth, found.final, 5) >= weighted_f1(truth, first, 5)


def test_a_threshold_is_judged_by_the_figure_that_counts() -> None:
    # The discriminator turns wrong answers into right ones of label 0, and loses the few of label 1.
    logits = np.log(np.array([[0.51, 0.49]] * 8 + [[0.49, 0.51]] * 12 + [[0.9, 0.1]] * 80))
    truth = np.array([0] * 8 + [1] * 2 + [0] * 10 + [0] * 80)
    final = np.zeros(100, np.int64)
    asked = negotiated(logits, final)

    def of_label_1(true: Indices, said: Indices) -> float:
        return float(((true == 1) & (said == 1)).sum())

    assert not fit_threshold(asked, 1.0, truth, most_asked=0.2).accepted.all()
    assert fit_threshold(asked, 1.0, truth, most_asked=0.2, worth=of_label_1).accepted[8:20].all()


def test_a_margin_at_the_threshold_is_accepted() -> None:
    logits = np.log(np.array([[0.6, 0.4], [0.7, 0.3]]))
    margin = margins(logits, 1.0)
    found = apply_threshold(negotiated(logits, np.array([1, 1])), margin, float(margin[1]))
    assert found.accepted.tolist() == [False, True]
    assert found.final.tolist() == [1, 0]


def _fitted(monkeypatch: pytest.MonkeyPatch, found: Negotiated, truth: Indices) -> tuple[fitting.Fitted, list[Example]]:
    """A fit to these answers, and the examples that they are of: five messages a conversation."""
    monkeypatch.setattr(fitting, "label_logits", lambda *_: found.logits)
    monkeypatch.setattr(fitting, "negotiate", lambda *_, **__: found)
    labels = tuple(Label(name=name, word=name) for name in "abcde")
    bare: Any = PromptParts.model_construct
    question = Question(bare(labels=labels), None, ())
    asked = [Example(str(index // 5), question, (), int(target)) for index, target in enumerate(truth)]
    nobody: Any = None
    return fitting.fit(nobody, nobody, ModelProfile.read(find_model(SHIPPED_MODEL)), asked), asked


@pytest.mark.parametrize("decisions", [2, 6])
def test_even_a_useful_discriminator_costs_next_to_no_time(monkeypatch: pytest.MonkeyPatch, decisions: int) -> None:
    logits, truth = drawn(1.0, 1000)
    always = Negotiated(logits, logits.argmax(-1), truth, np.full(len(truth), decisions))
    fitted, _ = _fitted(monkeypatch, always, truth)
    assert 1.02 < fitted.dev.policies["calibrated"].decisions < 1.035, "but for a message that rounding moves"


def test_what_chance_could_make_half_a_point_of_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 messages, 27 asked could cost a point by luck alone; the discriminator here is right as often as wrong."""
    rng = np.random.default_rng(5)
    logits, truth = drawn(1.0, 300)
    final = np.where(rng.random(300) < 0.5, truth, (truth + 1) % 5)
    fitted, asked = _fitted(monkeypatch, negotiated(logits, final), truth)
    assert fitted.dev.policies["calibrated"].gain.low >= -0.005
    free = fit_threshold(negotiated(logits, final), fitted.profile.temperature, truth)
    unbounded = compare(negotiated(logits, final), asked, fitted.profile.model_copy(update={"threshold": free.margin}))
    assert unbounded.policies["calibrated"].gain.low < -0.005, "the bound does nothing here"
