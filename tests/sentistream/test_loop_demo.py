"""The demo's own arithmetic: which events are right, how other labels count, and what people say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from prompts.profile import PROFILE_FILE, SHIPPED_MODEL, ModelProfile, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.event import EmotionEvent
from schemas.examples import examples
from sentistream.errors import SentistreamError
from sentistream.loop_demo.aside import without_development
from sentistream.loop_demo.base import PLATFORM, untaught
from sentistream.loop_demo.check import Live, check
from sentistream.loop_demo.measure import Scores, label_f1
from sentistream.loop_demo.people import LABELS, People
from sentistream.loop_demo.platform import conversations
from sentistream.loop_demo.report import Row, write
from sentistream.loop_demo.settings import LoopDemoSettings
from sentistream.publisher import Place
from trainer.corpora import Conversation, LabelledTurn, read
from trainer.examples import Example, ExampleBuilder
from trainer.feedback.split import part_of
from trainer.metrics import OUTLIER

THEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LIVE = [Live(None, THEN - timedelta(days=1)), Live("v1", THEN), Live("v2", THEN + timedelta(seconds=60))]


def event(offset: int, adapter: str | None, seconds: float) -> EmotionEvent:
    template = next(one for one in examples() if isinstance(one, EmotionEvent))
    at = THEN + timedelta(seconds=seconds)
    return template.model_copy(
        update={
            "source": template.source.model_copy(update={"partition": 0, "offset": offset}),
            "adapter": adapter,
            "times": template.times.model_copy(update={"decided_at": at}),
        }
    )


def test_all_is_well_when_each_message_has_one_event_by_what_was_live() -> None:
    sent = {f"m{offset}": Place(0, offset) for offset in range(4)}
    events = [event(0, None, -5), event(1, None, 3), event(2, "v1", 30), event(3, "v2", 61)]
    found = check(sent, events, 0, LIVE)
    assert found.passed
    assert found.by_version == {"base": 2, "v1": 1, "v2": 1}
    assert found.slowest_swap_s == 3


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ([event(0, None, -5)], "lost"),
        ([event(0, None, -5), event(1, "v1", 5), event(1, "v1", 5)], "doubled"),
        ([event(0, "v1", -5), event(1, "v1", 5)], "wrong_version"),
        ([event(0, None, 30), event(1, "v1", 5)], "wrong_version"),
        ([event(0, "v1", 80), event(1, "v1", 5)], "wrong_version"),
    ],
    ids=["lost", "doubled", "too early", "base too late", "old too late"],
)
def test_what_is_wrong_is_counted(events: list[EmotionEvent], what: str) -> None:
    found = check({"a": Place(0, 0), "b": Place(0, 1)}, events, 0, LIVE)
    assert not found.passed
    assert getattr(found, what) == 1


def test_people_err_as_often_as_they_are_said_to() -> None:
    template = next(one for one in examples() if isinstance(one, EmotionEvent))
    labels = [one.label for one in People(3, 0.1, seed=1).label([(template, "joy")] * 1000)]
    assert len(labels) == 3000
    wrong = [label for label in labels if label != "joy"]
    assert 0.07 < len(wrong) / 3000 < 0.13
    assert set(wrong) == set(LABELS) - {"joy"}


def test_other_labels_are_misses_and_no_false_alarms() -> None:
    folder = find_model(SHIPPED_MODEL)
    builder = ExampleBuilder(ModelProfile.read(folder), PromptTokenizer(folder))
    turns = tuple(LabelledTurn("A", "so", label) for label in ("joy", "joy", "anger", "neutral", "sadness"))
    asked: list[Example] = list(builder.examples([Conversation("c", "en", "meld", turns)]))
    names = [label.name for label in asked[0].question.parts.labels]
    said = ["joy", "surprise", "anger", None, "sadness"]
    found = label_f1(asked, np.array([OUTLIER if one is None else names.index(one) for one in said]))
    assert found["joy"] == pytest.approx(2 / 3)
    assert found["neutral"] == 0
    assert found["anger"] == found["sadness"] == 1


def test_the_platform_speaks_the_models_labels(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("id\tturn1\tturn2\tturn3\tlabel\n0\thi\twhat\tgreat\thappy\n1\thi\twhat\tno\tothers\n")
    found = conversations(file, "run", seed=1)
    assert {one.label for one in found} == {"joy", "neutral"}
    first = found[0]
    assert [one.message_id for one in first.messages()][-1] == first.labelled_message
    with pytest.raises(SentistreamError, match="missing"):
        conversations(tmp_path / "missing", "run", seed=1)


def test_the_report_has_table_plot_and_figures(tmp_path: Path) -> None:
    before = Row(0, "before", "as it ships", None, Scores(0.5, dict.fromkeys(LABELS, 0.5), 0.57))
    after = replace(before, labelled=500, status="released", live="v1", scores=replace(before.scores, platform=0.62))
    text = write(tmp_path, [before, after], check({}, [], 0, LIVE))
    assert "62.0 (+12.0)" in text
    assert (tmp_path / "loop-demo.png").stat().st_size > 1000
    assert (tmp_path / "loop-demo.json").is_file()


@pytest.mark.parametrize("steps", ["", "500,500", "1000,500", "0,5"])
def test_steps_rise(steps: str) -> None:
    with pytest.raises(ValueError, match="rising"):
        LoopDemoSettings(emocontext_train="a", emocontext_valid="a", meld_train="a", meld_dev="a", steps=steps)


def settings_in(folder: Path) -> LoopDemoSettings:
    missing = folder / "missing.csv"
    return LoopDemoSettings(
        emocontext_train=missing, emocontext_valid=missing, meld_train=missing, meld_dev=missing, out=folder
    )


def with_profile(folder: Path, *taxonomies: str) -> Path:
    folder.mkdir()
    profile = ModelProfile.read(find_model(SHIPPED_MODEL)).model_copy(update={"taxonomies": taxonomies})
    (folder / PROFILE_FILE).write_text(profile.model_dump_json())
    return folder


def meld(path: Path, dialogues: int) -> Path:
    rows = [f'"Well, {number}","Ada, B.",joy,{number}\nno,Bo,neutral,{number}\n' for number in range(dialogues)]
    path.write_text("Utterance,Speaker,Emotion,Dialogue_ID\n" + "".join(rows), encoding="utf-8")
    return path


def test_the_base_is_not_taught_what_refreshes_are_measured_on(tmp_path: Path) -> None:
    everything = meld(tmp_path / "train.csv", 200)
    taught = list(read("meld", without_development(everything, tmp_path / "out")))
    assert 160 < len(taught) < 200
    assert taught == [one for one in read("meld", everything) if part_of(one.id) != "development"]


def test_a_model_that_does_not_know_the_platform_is_begun_with(tmp_path: Path) -> None:
    asked = str(with_profile(tmp_path / "mine", "meld"))
    assert untaught(asked, settings_in(tmp_path)) == asked


def test_in_place_of_one_that_knows_it_another_is_trained_once(tmp_path: Path) -> None:
    taught = str(with_profile(tmp_path / "taught", "meld", PLATFORM))
    with pytest.raises(SentistreamError, match=r"MELD_TRAIN: .*missing\.csv"):
        untaught(taught, settings_in(tmp_path))
    # MELD's development file is missing, so that the training is seen to be begun, and its failure is told.
    settings = settings_in(tmp_path).model_copy(update={"meld_train": meld(tmp_path / "train.csv", 10)})
    with pytest.raises(SentistreamError, match=r"train-base .* failed with exit status"):
        untaught(taught, settings)
    assert not (tmp_path / "base").exists()
    made = with_profile(tmp_path / "base", "meld")
    assert untaught(taught, settings_in(tmp_path)) == str(made)
