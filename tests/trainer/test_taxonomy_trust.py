"""A model whose profile trusts single taxonomies further than the others is judged and measured by that."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.profile import Trust as OwnTrust
from schemas.taxonomy import load_taxonomy
from sentistream.cli import main
from sentistream.loop_demo import measure
from tests.trainer.label_rounds import conversations, train_quickly
from trainer import sanm
from trainer.calibration import probabilities
from trainer.corpora import Conversation, LabelledTurn
from trainer.examples import Example, ExampleBuilder
from trainer.gate import answers
from trainer.gate.answers import Serving, Trust, answer
from trainer.gate.figures import HeldOut, score
from trainer.gate.judge import judge
from trainer.gate.sets import FrozenSets
from trainer.gate.settings import GateSettings
from trainer.model_folder import write_model
from trainer.train_base import builder_for
from trainer.watch.answers import Answerer

#: Takes every first answer in MELD's labels, and next to none in others'.
OWN = OwnTrust(temperature=2.5, threshold=0.0)


@pytest.fixture(scope="module")
def trusting(profile: ModelProfile) -> ModelProfile:
    fitting = {"token_budget": 100, "context_length": 128}
    return profile.model_copy(update={"temperature": 0.5, "threshold": 1.0, "trust": {"meld": OWN}, **fitting})


@pytest.fixture
def builder(trusting: ModelProfile, tokenizer_json: str) -> ExampleBuilder:
    return builder_for(trusting, tokenizer_json)


@pytest.fixture
def model(
    trusting: ModelProfile, tokenizer_json: str, tiny_model: Callable[[], OPTForCausalLM], tmp_path: Path
) -> Path:
    tiny = tiny_model()
    write_model(tmp_path / "tiny", tiny.config, tiny.state_dict(), trusting, tokenizer_json)
    return tmp_path / "tiny"


def mixed(builder: ExampleBuilder) -> list[Example]:
    """One message in MELD's seven labels, one in EmoContext's four, one in MELD's again."""
    talks = [("meld", "joy"), ("emocontext", "happy"), ("meld", "joy")]
    return list(
        builder.examples(
            Conversation(f"c{number}", "en", taxonomy, (LabelledTurn("Ada", "good news", label),))
            for number, (taxonomy, label) in enumerate(talks)
        )
    )


@pytest.fixture
def known_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever is asked: the first label is the likeliest, by far not sure."""

    def logits(_: Any, asked: Sequence[Example], *__: Any) -> NDArray[np.float64]:
        found = np.full((len(asked), max(len(one.label_ids) for one in asked)), -np.inf)
        for row, one in enumerate(asked):
            found[row, : len(one.label_ids)] = -np.arange(len(one.label_ids), dtype=float)
        return found

    for where in (sanm, answers):
        monkeypatch.setattr(where, "label_logits", logits)


@pytest.mark.usefixtures("known_logits")
def test_each_message_is_taken_by_its_own_taxonomys_trust(builder: ExampleBuilder, trusting: ModelProfile) -> None:
    examples, trust = mixed(builder), Trust.of(trusting)
    found = answer(SimpleNamespace(), builder.roles, examples, Serving("calibrated"), trust)
    assert (found.calls > 1).tolist() == [False, True, False]
    side = score("base", HeldOut.of(examples), found, trust).side
    assert (side.temperature, side.threshold) == (OWN.temperature, OWN.threshold), "most are in MELD's labels"
    sure = {"meld": 2.5, "emocontext": 0.5}
    expected = sorted(
        probabilities(-np.arange(len(one.label_ids), dtype=float), sure[one.question.parts.taxonomy]).max()
        for one in examples
    )
    assert [one.confidence for one in side.reliability] == pytest.approx(expected)


@pytest.mark.usefixtures("known_logits")
def test_the_watch_answers_with_the_taxonomys_temperature(builder: ExampleBuilder, trusting: ModelProfile) -> None:
    served: Any = SimpleNamespace(profile=trusting, tokenizer=builder.roles.tokenizer)
    base = Answerer.of(None, SimpleNamespace(), served, Serving("calibrated"))
    for example, temperature in zip(mixed(builder), (2.5, 0.5, 2.5), strict=True):
        (found,) = base.answer([example.question.parts])
        names = [label.name for label in load_taxonomy(example.question.parts.taxonomy).labels]
        expected = probabilities(-np.arange(len(names), dtype=float), temperature)
        assert found.scores == pytest.approx(dict(zip(names, expected, strict=True)), abs=1e-4)


def test_a_candidate_that_is_not_refitted_keeps_the_trust_of_what_it_is_judged_on(
    model: Path, builder: ExampleBuilder, tiny_model: Callable[[], OPTForCausalLM], tmp_path: Path
) -> None:
    held_out = list(builder.examples(conversations("held-out", 40, 1)))
    train_quickly(tiny_model(), builder, held_out[:30], tmp_path / "candidate")
    settings = GateSettings(gate_resamples=100, gate_time_rise=1000.0, gate_time_turns=3, gate_min_messages=50)
    verdict = judge(
        model, None, tmp_path / "candidate", FrozenSets(held_out, []), Serving("calibrated"), settings, tmp_path / "out"
    )
    assert (verdict.temperature, verdict.threshold) == (OWN.temperature, OWN.threshold)
    compared = verdict.report.compared
    assert compared is not None
    for side in (compared.live, compared.candidate):
        assert (side.temperature, side.threshold, side.calls) == (OWN.temperature, OWN.threshold, 1.0)


def test_evaluate_trusts_the_files_taxonomy(model: Path, meld_file: Callable[[int], Path], tmp_path: Path) -> None:
    options = ("--answers", str(tmp_path / "answers"), "--json", str(tmp_path / "out.json"), "--policy", "calibrated")
    command = ["evaluate", str(meld_file(4)), "--format", "meld", "--model", str(model), *options]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["temperature"], found["threshold"]) == (OWN.temperature, OWN.threshold)
    assert found["model_calls"] == found["messages"] == 12


def test_the_loops_measure_trusts_the_taxonomy(
    model: Path, meld_file: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = tmp_path / "valid.txt"
    platform.write_text("id\tturn1\tturn2\tturn3\tlabel\n0\tgood news\tso what\tgood news\thappy\n")
    settings: Any = SimpleNamespace(emocontext_valid=platform, meld_dev=meld_file(2))
    calls = []

    def counted(*given: Any) -> answers.Answers:
        found = answer(*given)
        calls.extend(found.calls.tolist())
        return found

    monkeypatch.setattr(measure, "answer", counted)
    measure.Yardstick(str(model), settings, Serving("calibrated")).measure(None, lambda: None)
    assert set(calls) == {1}, "both files are asked in MELD's labels"
