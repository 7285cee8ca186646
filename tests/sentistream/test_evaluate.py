"""`sentistream evaluate` on files made up here, by the model that ships and by a scripted engine."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prompts.profile import PROFILE_FILE, SHIPPED_MODEL, ModelProfile, find_model
from sentistream.cli import main
from tests.waiting import wait_for

SAID = {
    "joy": "I am so happy for you!",
    "anger": "Get out, I hate you!",
    "sadness": "I miss her so much.",
    "neutral": "It is on the second floor.",
}
ROWS = [(number // 4, *list(SAID.items())[number % 4]) for number in range(24)]


def meld(folder: Path) -> Path:
    path = folder / "talk.csv"
    lines = [f'"{text}",Ada,{label},{dialogue}' for dialogue, label, text in ROWS]
    path.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *lines]), encoding="utf-8")
    return path


def run(folder: Path, file: Path, *options: str) -> dict[str, Any]:
    out = folder / "out.json"
    result = CliRunner().invoke(
        main,
        ["evaluate", str(file), "--answers", str(folder / "answers"), "--json", str(out), *options],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    """Without what a clock decides."""
    return {
        key: timeless(value) if isinstance(value, dict) else value
        for key, value in found.items()
        if key not in {"wall_s", "model_s", "model_s_ratio"}
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("evaluate")
    file = meld(folder)
    train = folder / "train.csv"
    lines = [f'"{text}",Ada,{label},other {dialogue}' for dialogue, label, text in ROWS]
    train.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *lines]), encoding="utf-8")
    policies = [option for policy in ("one-pass", "paper", "calibrated", "vote3") for option in ("--policy", policy)]
    return run(
        folder,
        file,
        *("--format", "MELD", *policies, "--report", str(folder / "report.md"), "--baseline-train", str(train)),
    ) | {"folder": folder}


def test_the_figures_are_flat(found: dict[str, Any]) -> None:
    assert (found["policy"], found["messages"], found["conversations"], found["format"]) == ("one-pass", 24, 6, "meld")
    for key in ("accuracy", "macro_f1", "weighted_f1", "micro_f1", "ece", "ece_by_chance"):
        assert 0 <= found[key] <= 1
    for key in ("outliers", "right_to_wrong", "wrong_to_right", "model_calls", "tokens", "prompt_tokens"):
        assert isinstance(found[key], int)
    assert found["model_calls"] == 24
    assert found["per_label"]["joy"].keys() == {"precision", "recall", "f1", "support"}
    assert found["intervals"]["weighted_f1"][0] <= found["weighted_f1"] <= found["intervals"]["weighted_f1"][1]
    assert found["accuracy"] > found["baselines"]["commonest"]["accuracy"]
    assert f"--model {found['model']}" in found["command"], "another model may ship one day"


def test_policies_stand_side_by_side(found: dict[str, Any]) -> None:
    one_pass, paper, calibrated, vote = (
        found["policies"][name] for name in ("one-pass", "paper", "calibrated", "vote3")
    )
    assert one_pass["model_calls"] <= calibrated["model_calls"] <= paper["model_calls"]
    assert vote["model_calls"] == 3 * 24
    assert one_pass["weighted_f1_change"] == 0
    assert one_pass["model_s_ratio"] == 1 < paper["model_s_ratio"]
    assert paper["weighted_f1_change"] == pytest.approx(paper["weighted_f1"] - one_pass["weighted_f1"])
    assert vote["weighted_f1_change"] == pytest.approx(vote["weighted_f1"] - one_pass["weighted_f1"])


def test_the_baselines_stand_beside(found: dict[str, Any]) -> None:
    commonest, tfidf = found["baselines"]["commonest"], found["baselines"]["tfidf"]
    assert commonest["accuracy"] == 0.25
    assert tfidf["accuracy"] == 1.0, "it has seen the very same texts"
    assert tfidf["trained_on"] == 24


def test_the_report_shows_its_pictures(found: dict[str, Any]) -> None:
    folder: Path = found["folder"]
    text = (folder / "report.md").read_text()
    assert "| joy |" in text
    assert "95 % intervals" in text
    for policy in ("one-pass", "paper", "calibrated", "vote3"):
        for what in ("confusion", "reliability"):
            assert f"(report.{policy}.{what}.png)" in text
            assert (folder / f"report.{policy}.{what}.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_asks_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = meld(tmp_path)
    first = run(tmp_path, file, "--format", "meld", "--policy", "calibrated")

    def ask(*_: object) -> None:
        pytest.fail("it asked again")

    monkeypatch.setattr("sentistream.evaluation.local_engine.LocalEngine._run", ask)
    again = run(tmp_path, file, "--format", "meld", "--policy", "calibrated")
    assert timeless(again) == timeless(first)
    assert again["model_s"] == pytest.approx(first["model_s"]), "what it cost is kept with the answers"


def test_after_a_kill_the_same_command_comes_to_the_same_figures(tmp_path: Path) -> None:
    file = meld(tmp_path)
    whole = run(tmp_path, file, "--format", "meld", "--engine", "scripted", "--policy", "paper")
    (answers,) = (tmp_path / "answers").iterdir()
    answers.unlink()
    command = [sys.executable, "-m", "sentistream", "evaluate", str(file), "--answers", str(answers.parent)]
    child = subprocess.Popen(
        [*command, "--format", "meld", "--engine", "scripted", "--policy", "paper", "--at-once", "1"],
        env=os.environ | {"SCRIPTED_DELAY_SECONDS": "0.2", "SCRIPTED_JITTER": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: answers.is_file() and answers.read_bytes().count(b'"key"') >= 3, "three answers", seconds=120)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    kept = answers.read_bytes()
    answers.write_bytes(kept[:-9])  # half a line
    known = kept.count(b'"key"')
    assert 0 < known < whole["model_calls"]
    assert timeless(run(tmp_path, file, "--format", "meld", "--engine", "scripted", "--policy", "paper")) == timeless(
        whole
    )


def english_of_meld(folder: Path) -> str:
    """The model that ships, as if it knew no more than that."""
    shutil.copytree(find_model(SHIPPED_MODEL), folder)
    profile = ModelProfile.read(folder).model_copy(update={"taxonomies": ("meld",), "languages": ("en",)})
    (folder / PROFILE_FILE).write_text(profile.model_dump_json())
    return str(folder)


def test_labels_that_the_model_lacks_are_mapped_or_named(tmp_path: Path) -> None:
    file = tmp_path / "test.tsv"
    rows = ("index\tl\tp\ts\tt", "1\t2\ta\tI love $T$ so much\tthis show", "2\t0\tb\tI hate $T$\train")
    file.write_text("\n".join(rows))
    model = english_of_meld(tmp_path / "model")
    found = run(tmp_path, file, "--format", "Twitter-2017", "--model", model)
    assert found["labels"] == ["negative", "neutral", "positive"]
    assert (found["taxonomy"], found["asked_taxonomy"]) == ("sentiment", "meld")
    assert found["accuracy"] == 1.0
    chinese = tmp_path / "usual.txt"
    chinese.write_text('[{"id": 1, "content": "太好了", "label": "happy"}]', encoding="utf-8")
    result = CliRunner().invoke(main, ["evaluate", str(chinese), "--format", "smp2020", "--model", model])
    assert result.exit_code == 1
    assert "knows en only" in result.stderr


def test_emocontext_has_the_figure_of_its_task(tmp_path: Path) -> None:
    file = tmp_path / "test.txt"
    rows = [("Guess what", "What?", "I won, I am so glad!", "happy"), ("Hi", "Hello", "Where are you from?", "others")]
    lines = ["\t".join([str(number), *row]) for number, row in enumerate(rows)]
    file.write_text("\n".join(["id\tturn1\tturn2\tturn3\tlabel", *lines]) + "\n")
    found = run(tmp_path, file, "--format", "emocontext")
    assert found["micro_f1_emotions"] == 1.0
    assert found["intervals"]["micro_f1_emotions"]


def test_an_unknown_format_is_explained() -> None:
    result = CliRunner().invoke(main, ["evaluate", "x", "--format", "melt"])
    assert result.exit_code == 2
    assert "twitter2015" in result.stderr


def test_a_file_of_another_format_is_explained(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", str(meld(tmp_path))])
    assert result.exit_code == 1
    assert "talk.csv:1: no message" in result.stderr
    assert "it was read as jsonl: --format names another" in result.stderr


def test_an_answer_does_not_depend_on_its_company_in_a_batch(tmp_path: Path) -> None:
    """Or a run that was interrupted, and batches what is left, would come to other figures."""
    file = meld(tmp_path)
    kept = []
    for folder, options in ((tmp_path / "a", ("--first", "5")), (tmp_path / "b", ())):
        run(tmp_path, file, "--format", "meld", "--answers", str(folder), *options)
        (path,) = folder.iterdir()
        rows = [json.loads(line) for line in path.read_bytes().splitlines() if b'"key"' in line]
        kept.append({row["key"]: row["logprobs"] for row in rows})
    few, all_of_them = kept
    assert len(few) == 4, "two dialogues begin alike"
    assert few.items() <= all_of_them.items()
