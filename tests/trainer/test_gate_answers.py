"""The gate asks by the very rule that the worker serves by; neither may import the other."""

import asyncio
import math
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prompts.profile import ModelProfile
from prompts.roles import Prompt
from schemas.event import Policy
from schemas.taxonomy import Label
from tests.worker.model_folder import request_of
from trainer import sanm
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import Example, ExampleBuilder
from trainer.gate import answers
from trainer.gate.answers import Serving, Trust, answer, draw, majority
from trainer.metrics import OUTLIER
from trainer.train_base import builder_for
from worker import negotiation
from worker.calibration import calibrated
from worker.engines.contract import Choice
from worker.engines.vllm_engine import _draw
from worker.labelling import SanmLabeller, SanmOptions
from worker.negotiation import Decision

MODEL: Any = SimpleNamespace()
TRUST = Trust(1.7, 0.3)


@pytest.fixture(scope="module")
def builder(profile: ModelProfile, tokenizer_json: str) -> ExampleBuilder:
    trusted = profile.model_copy(update={"temperature": TRUST.temperature, "threshold": TRUST.threshold})
    return builder_for(trusted, tokenizer_json)


def examples_of(builder: ExampleBuilder, count: int) -> list[Example]:
    turns = (LabelledTurn("Ada", "good news", "joy"),)
    return list(builder.examples(Conversation(f"c{number}", "en", "meld", turns) for number in range(count)))


def scores_for(ids: Sequence[int], case: int) -> NDArray[np.float64]:
    """What the model of both sides thinks of a prompt, among few labels, so that consensus happens."""
    rng = np.random.default_rng(zlib.crc32(f"{case} {tuple(ids)}".encode()))
    logits = rng.normal(0, 1, 7)
    logits[3:] -= 20
    return logits


@pytest.mark.parametrize("policy", ["one-pass", "paper", "calibrated"])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_both_services_answer_alike(
    builder: ExampleBuilder, policy: Policy, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = examples_of(builder, 1)
    seen = set()
    for case in range(40):

        def logits(_: Any, asked: Sequence[Example], prompts: Any = None, case: int = case) -> NDArray[np.float64]:
            return np.stack([scores_for(ids, case) for ids in prompts or [one.question.opening for one in asked]])

        monkeypatch.setattr(sanm, "label_logits", logits)
        monkeypatch.setattr(answers, "label_logits", logits)
        ours = answer(MODEL, builder.roles, [example], Serving(policy, rounds), TRUST)
        labeller = SanmLabeller(_Engine(case), builder.roles.profile, builder.roles, SanmOptions(policy, rounds=rounds))
        event = asyncio.run(labeller.label(request_of(example.question.parts), taken_at=datetime.now(UTC)))
        names = [label.name for label in example.question.parts.labels]
        assert (None if ours.final[0] == OUTLIER else names[ours.final[0]]) == event.label
        assert names[ours.first[0]] == event.first_label
        assert ours.calls[0] == event.usage.model_calls
        seen.add((event.label is None, event.usage.model_calls > 1))
    assert len(seen) == {"one-pass": 1, "paper": 2, "calibrated": 3}[policy]


class _Engine:
    """Answers from `scores_for`."""

    model = "tiny"

    def __init__(self, case: int) -> None:
        self._case = case

    async def choose(self, prompt: Prompt, labels: Sequence[Label], **_: Any) -> Choice:
        scores = scores_for(prompt.token_ids, self._case)
        norm = math.log(np.exp(scores).sum())
        found = {label.name: float(score - norm) for label, score in zip(labels, scores, strict=True)}
        return Choice(max(found, key=found.__getitem__), found, len(prompt.token_ids), 1, 0.0)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_three_draws_and_their_majority_are_the_workers() -> None:
    names, ids = list("abcd"), (14, 11, 19, 12)
    for seed, logits in enumerate(np.random.default_rng(5).normal(0, 1, (200, 4))):
        logprobs = {name: float(one - np.log(np.exp(logits).sum())) for name, one in zip(names, logits, strict=True)}
        by_token = dict(zip(ids, logprobs.values(), strict=True))
        ours = [draw(logits, ids, seed + number) for number in range(3)]
        theirs = [names[ids.index(_draw(by_token, seed + number))] for number in range(3)]
        assert [names[one] for one in ours] == theirs
        scores = calibrated(logprobs, 1.7)

        async def said(label: str, scores: dict[str, float]) -> Decision:
            return Decision(label, scores)

        voted = asyncio.run(negotiation.vote([partial(said, one, scores) for one in theirs]))
        assert names[majority(ours, np.array(list(scores.values())), names)] == voted.label


def test_a_vote_draws_the_same_for_both_sides_and_differs_between_messages(
    builder: ExampleBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = examples_of(builder, 60)
    monkeypatch.setattr(answers, "label_logits", lambda *_: np.zeros((60, 7)))
    first, again = (answer(MODEL, builder.roles, examples, Serving("vote3"), TRUST) for _ in range(2))
    assert (first.final == again.final).all()
    assert len(set(first.final)) > 3
    assert set(first.calls) == {3}


@pytest.mark.parametrize("policy", ["one-pass", "paper", "calibrated", "vote3"])
def test_numbers_that_are_none_give_no_label(
    builder: ExampleBuilder, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any, asked: Sequence[Example], *__: Any) -> NDArray[np.float64]:
        return np.full((len(asked), 7), np.nan)

    monkeypatch.setattr(sanm, "label_logits", broken)
    monkeypatch.setattr(answers, "label_logits", broken)
    found = answer(MODEL, builder.roles, examples_of(builder, 3), Serving(policy), TRUST)
    assert set(found.final) == {OUTLIER}
    assert set(found.first) == {OUTLIER}
