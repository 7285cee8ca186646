"""The trainer fits its threshold to the very rule that the worker serves by; neither may import the other."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.roles import Said
from trainer import sanm
from trainer.calibration import margins, probabilities
from trainer.corpora import Conversation
from trainer.metrics import OUTLIER
from trainer.train_base import builder_for
from worker import negotiation
from worker.calibration import calibrated
from worker.negotiation import Decision


def test_both_negotiations_end_alike(
    profile: ModelProfile,
    tokenizer_json: str,
    tiny_model: Callable[[], OPTForCausalLM],
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builder = builder_for(profile, tokenizer_json)
    example = next(builder.examples([conversation]))
    names = [label.name for label in example.question.parts.labels]
    model = tiny_model()
    rng = np.random.default_rng(23)
    for answers in rng.integers(0, 3, (60, 6)):
        said = iter(answers)
        monkeypatch.setattr(sanm, "label_logits", lambda *_, said=said: np.eye(7)[[next(said)]])
        ours = sanm.negotiate(model, builder.roles, [example])

        async def ask(so_far: Sequence[Said], answers: Sequence[int] = answers) -> Decision:
            return Decision(names[answers[len(so_far)]])

        theirs = asyncio.run(negotiation.negotiate(ask, 3, accept=lambda _: False))
        label = None if ours.final[0] == OUTLIER else names[ours.final[0]]
        assert label == theirs.label
        calls = sum(1 + (one.discriminator is not None) for one in theirs.rounds)
        assert calls == ours.decisions[0]


def test_both_take_the_same_margin_for_the_same_scores() -> None:
    logits = np.random.default_rng(4).normal(0, 2, (20, 7))
    for row, margin in zip(logits, margins(logits, 1.7), strict=True):
        served = dict(zip("abcdefg", np.log(probabilities(row[None])[0]), strict=True))
        assert negotiation.margin(Decision("a", calibrated(served, 1.7))) == pytest.approx(margin)
