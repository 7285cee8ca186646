"""A good round of labels is released and a poisoned one refused, by adapters that were really trained on them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from schemas.interpolation import ShareChoice, ShareFigures
from tests.trainer.label_rounds import (
    Relabel,
    all_joy,
    conversations,
    half_flipped,
    miniature,
    no_surprise,
    shuffled,
    teach,
    train_quickly,
)
from trainer.examples import Example, ExampleBuilder
from trainer.gate.answers import Serving, Trust
from trainer.gate.errors import GateError
from trainer.gate.judge import Verdict, judge
from trainer.gate.report import CONFUSION_PICTURE, RELIABILITY_PICTURE, REPORT_JSON, REPORT_MARKDOWN, GateReport
from trainer.gate.sets import FrozenSets, LiveSide
from trainer.gate.settings import GateSettings
from trainer.gate.sides import Sides
from trainer.lora.share_file import write_choice
from trainer.model_folder import write_model
from trainer.precision import computed_in
from trainer.predict import label_logits
from trainer.train_base import builder_for

#: Nothing here is about time, and a tiny model's is mostly noise.
#: Times are test_gate_timing.py's: here a crowded machine must not decide.
SETTINGS = GateSettings(gate_resamples=500, gate_time_rise=1000.0, gate_time_turns=3)
CALIBRATED = Serving("calibrated")
BESIDE = pytest.mark.parametrize("first", [False, True], ids=["beside a good adapter", "beside the base model"])


class Workbench:
    """A tiny base model that mistakes surprise for neutral, and adapters of it."""

    def __init__(self, folder: Path, model: OPTForCausalLM, profile: ModelProfile, tokenizer: str) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.builder: ExampleBuilder = builder_for(profile, tokenizer)
        teach(model, self.builder, self.examples("base", 100, noise=0.0, relabel=no_surprise), rate=3e-3, epochs=10)
        write_model(self.base, model.config, model.state_dict(), profile, tokenizer)
        self._model = model
        self.sets = FrozenSets(self.examples("held-out", 100), self.examples("development", 40))
        self.live: LiveSide | None = None

    def examples(self, name: str, count: int, *, noise: float = 0.1, relabel: Relabel | None = None) -> list[Example]:
        return list(self.builder.examples(conversations(name, count, len(name), noise=noise, relabel=relabel)))

    def adapter(self, name: str, relabel: Relabel | None = None, *, source: str = "training") -> Path:
        folder = self.folder / name
        if not folder.exists():
            train_quickly(self._model, self.builder, self.examples(source, 100, relabel=relabel), folder)
        return folder

    def judge(self, candidate: Path, **changed: object) -> Verdict:
        given = SimpleNamespace(
            **{"live": self.live, "sets": self.sets, "serving": CALIBRATED, "settings": SETTINGS, **changed}
        )
        out = self.folder / "out" / candidate.name
        return judge(self.base, given.live, candidate, given.sets, given.serving, given.settings, out)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, tokenizer_json: str, profile: ModelProfile) -> Workbench:
    fitting = profile.model_copy(update={"token_budget": 100, "context_length": 128})
    return Workbench(tmp_path_factory.mktemp("gate"), miniature(tokenizer_json), fitting, tokenizer_json)


@pytest.fixture(scope="module")
def good(bench: Workbench) -> Verdict:
    """The first adapter, judged against the base model; from then on it is live."""
    folder = bench.adapter("good")
    verdict = bench.judge(folder, live=None)
    bench.live = LiveSide("good", folder, Trust(verdict.temperature, verdict.threshold))
    return verdict


def test_a_good_round_is_released_with_its_figures(good: Verdict) -> None:
    assert good.released, good.reasons
    assert good.reasons == ()
    assert good.metrics["macro_f1"] > good.metrics["live_macro_f1"] + 0.1
    assert good.metrics["recall_surprise"] > 0.7
    assert good.metrics["held_out_messages"] == 300
    assert 0 <= good.threshold <= 1
    assert good.temperature > 0


@pytest.mark.parametrize("relabel", [shuffled, all_joy, half_flipped])
@BESIDE
def test_a_poisoned_round_is_refused(bench: Workbench, good: Verdict, relabel: Relabel, *, first: bool) -> None:
    verdict = bench.judge(bench.adapter(relabel.__name__, relabel), **({"live": None} if first else {}))
    assert not verdict.released
    assert any(reason.startswith("macro-F1 not worse") for reason in verdict.reasons)
    assert any(reason.startswith("recall of each label") for reason in verdict.reasons)
    assert first or good.metrics["macro_f1"] == pytest.approx(verdict.metrics["live_macro_f1"])


def test_a_round_whose_held_out_labels_are_all_one_too_decides_nothing(bench: Workbench) -> None:
    sets = FrozenSets(bench.examples("poisoned", 60, relabel=all_joy), bench.examples("beside", 20, relabel=all_joy))
    verdict = bench.judge(bench.adapter("all_joy", all_joy), live=None, sets=sets)
    assert not verdict.released
    assert "1 label" in verdict.reasons[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("relabel", [shuffled, half_flipped])
@BESIDE
def test_a_round_whose_held_out_labels_are_poisoned_too_is_refused(
    bench: Workbench, good: Verdict, relabel: Relabel, seed: int, *, first: bool
) -> None:
    """There is nothing in such labels that a candidate could learn better than what is live knows it."""
    more = "." * seed  # the length of a name is its conversations' seed
    sets = FrozenSets(
        bench.examples(f"held-out and poisoned{more}", 100, relabel=relabel),
        bench.examples(f"development{more}", 40, relabel=relabel),
    )
    candidate = bench.adapter(f"{relabel.__name__}{more}", relabel, source=f"training{more}")
    verdict = bench.judge(candidate, sets=sets, **({"live": None} if first else {}))
    print(f"seed {seed}: {verdict.reasons}")  # noqa: T201 - which rule it was
    assert not verdict.released
    assert any(reason.startswith("macro-F1 not worse") for reason in verdict.reasons)
    assert good.released


def test_what_is_live_already_is_no_improvement(bench: Workbench, good: Verdict) -> None:
    assert bench.live is not None
    verdict = bench.judge(bench.live.folder)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["better in one F1"]
    assert good.released


def test_too_little_data_is_refused_without_asking_the_model(bench: Workbench, tmp_path: Path) -> None:
    few = FrozenSets(bench.sets.held_out[:20], bench.sets.development)
    verdict = bench.judge(tmp_path / "nothing", sets=few, live=None)
    assert not verdict.released
    assert "20 held-out messages" in verdict.reasons[0]
    assert verdict.temperature == ModelProfile.read(bench.base).temperature


def test_a_conversation_in_both_sets_is_an_error(bench: Workbench) -> None:
    leaking = replace(bench.sets, development=bench.sets.held_out[:1])
    with pytest.raises(GateError, match="1 of the conversations"):
        bench.judge(bench.folder / "good", sets=leaking)


def test_a_guard_that_falls_is_a_reason(bench: Workbench, good: Verdict) -> None:
    """The good adapter unlearns a domain that the base model knows: there, what others call surprise is neutral."""
    guard = bench.examples("elsewhere", 60, noise=0.0, relabel=no_surprise)
    verdict = bench.judge(bench.folder / "good", live=None, sets=replace(bench.sets, guards={"old domain": guard}))
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["guards"]
    assert "old domain" in verdict.reasons[0]
    assert good.released


def test_a_base_model_that_is_live_answers_as_without_an_adapter(bench: Workbench, good: Verdict) -> None:
    examples = bench.sets.held_out[:40]
    sides = Sides(bench.base, None, bench.folder / "good")
    dtype = computed_in(torch.device("cpu"))
    alone = label_logits(OPTForCausalLM.from_pretrained(bench.base, dtype=dtype, attn_implementation="eager"), examples)
    assert (label_logits(sides.use("live"), examples) == alone).all()
    assert (label_logits(sides.use("candidate"), examples) != alone).any()
    assert (label_logits(sides.use("live"), examples) == alone).all()
    assert good.released


def test_few_development_messages_leave_the_live_temperature(bench: Workbench, good: Verdict) -> None:
    assert bench.live is not None
    live = replace(bench.live, trust=Trust(1.75, 0.25))
    few = replace(bench.sets, development=bench.sets.development[:10])
    verdict = bench.judge(bench.folder / "good", live=live, sets=few)
    assert (verdict.temperature, verdict.threshold) == (1.75, 0.25)
    assert not verdict.report.refitted
    assert good.report.refitted


@pytest.mark.parametrize("policy", ["one-pass", "paper", "vote3"])
def test_both_sides_answer_through_the_policy_that_is_live(bench: Workbench, good: Verdict, policy: str) -> None:
    verdict = bench.judge(bench.folder / "good", live=None, serving=Serving(policy, 2))  # type: ignore[arg-type]
    calls = verdict.metrics["calls"]
    assert {"one-pass": calls == 1, "paper": 2 <= calls <= 4, "vote3": calls == 3}[policy]
    assert good.metrics["calls"] < 2


def test_the_report_can_be_read_by_people_and_programs(bench: Workbench, good: Verdict) -> None:
    bench.judge(bench.folder / "good", live=None)
    out = bench.folder / "out" / "good"
    assert GateReport.model_validate_json((out / REPORT_JSON).read_bytes()).released == good.released
    assert json.loads((out / REPORT_JSON).read_text())["compared"]["labels"][0]["name"]
    text = (out / REPORT_MARKDOWN).read_text(encoding="utf-8")
    assert text.startswith("# Released: good")
    assert "| surprise |" in text
    for picture in (CONFUSION_PICTURE, RELIABILITY_PICTURE):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
        assert f"({picture})" in text


def test_how_far_training_went_is_in_the_report_and_the_metrics(bench: Workbench, good: Verdict) -> None:
    def at(share: float) -> ShareFigures:
        given = {"macro_f1": 0.5 + share / 10, "weighted_f1": 0.6, "calibration_error": 0.04}
        return ShareFigures(share=share, calibration_by_chance=0.03, guards={"meld (a.csv)": 0.57}, **given)

    candidate = shutil.copytree(bench.folder / "good", bench.folder / "chosen")
    choice = ShareChoice(
        share=0.6, reason="best", messages=40, guard_messages={"meld (a.csv)": 90}, live=at(0), tried=(at(0.3), at(0.6))
    )
    write_choice(candidate, choice)
    verdict = bench.judge(candidate, live=None)
    assert verdict.metrics["interpolation"] == 0.6
    assert verdict.report.interpolation == choice
    text = (bench.folder / "out" / "chosen" / REPORT_MARKDOWN).read_text(encoding="utf-8")
    assert "0.6 of the way: best. On 40 development messages of the platform\nand 90 of meld (a.csv)" in text
    assert "| **0.6** | 56.0 % | 60.0 % | 0.040 (0.030) | 57.0 % |" in text
    assert "| live | 50.0 % |" in text
    assert "interpolation" not in good.metrics


def test_a_candidate_that_cannot_be_loaded_is_an_error(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(GateError, match="cannot be loaded"):
        bench.judge(tmp_path, live=None)


def test_the_live_side_reads_its_metadata(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"sentistream\.json"):
        LiveSide.read(tmp_path)
    (tmp_path / "sentistream.json").write_text(
        json.dumps(
            {
                "model": "tiny",
                "version": "20261121T031500Z-3f2a",
                "base_sha256": "0" * 64,
                "temperature": 1.5,
                "threshold": 0.125,
                "made_at": "2026-11-21T03:15:00Z",
            }
        )
    )
    assert LiveSide.read(tmp_path) == LiveSide("20261121T031500Z-3f2a", tmp_path, Trust(1.5, 0.125))
