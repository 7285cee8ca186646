"""`sentistream ablate` with a miniature model and dialogues that are made up."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from sentistream.cli import main
from trainer.ablation.markdown import tables
from trainer.ablation.prompting import CorpusFile, Prompting
from trainer.ablation.tables import TABLES, Variant
from trainer.errors import UnknownFormatError
from trainer.model_folder import write_model
from worker.engines.contract import EngineUnavailableError

MakeFile = Callable[[int], Path]


@pytest.fixture
def model(profile: ModelProfile, tokenizer_json: str, tiny_model: Callable[[], OPTForCausalLM], tmp_path: Path) -> Path:
    tiny = tiny_model()
    write_model(tmp_path / "tiny", tiny.config, tiny.state_dict(), profile, tokenizer_json)
    return tmp_path / "tiny"


def ablate(folder: Path, model: Path, *options: str) -> str:
    result = CliRunner().invoke(
        main,
        [
            *("ablate", "--model", str(model), "--out", str(folder / "out"), "--work", str(folder / "work")),
            *("--answers", str(folder / "answers"), *options),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.stderr
    return result.stderr


def cell(folder: Path, table: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / table / f"{name}.json").read_text())
    return found


def test_cells_are_kept_and_made_once(tmp_path: Path, model: Path, meld_file: MakeFile) -> None:
    options = ("--tables", "parts,history", "--dev", f"meld:{meld_file(6)}", "--messages", "12")
    said = ablate(tmp_path, model, *options)
    assert "reasoned, with E: mode reasoned needs a chat model" in said
    assert cell(tmp_path, "history", "k-0")["messages"] >= 12
    assert cell(tmp_path, "parts", "full")["policy"] == "calibrated"
    shorter = cell(tmp_path, "parts", "without-l")["prompt_tokens"]
    assert shorter < cell(tmp_path, "parts", "full")["prompt_tokens"]
    text = (tmp_path / "out" / "tables.md").read_text()
    assert text.index("| k = 0 |") < text.index("| k = 12 |")
    twice = tmp_path / "twice"
    for name in ("one", "other"):
        shutil.copytree(tmp_path / "out", twice / name)
    other = twice / "other" / "history" / "k-0.json"
    other.write_text(other.read_text().replace("meld:sent_emo.csv", "meld:other.csv"))
    headings = [line for line in tables(twice).splitlines() if line.startswith("### Turns of history")]
    assert headings == ["### Turns of history: meld:sent_emo.csv", "### Turns of history: meld:other.csv"]
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json")}
    ablate(tmp_path, model, *options)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json")} == made
    ablate(tmp_path, model, *options[:-1], "15")
    assert all(path.stat().st_mtime_ns > made[path] for path in made), "other messages are another question"


def test_a_cell_that_trains_says_what_on(tmp_path: Path, model: Path, meld_file: MakeFile) -> None:
    files = ("--dev", f"meld:{meld_file(4)}", "--train", f"meld:{meld_file(8)}")
    said = ablate(tmp_path, model, "--tables", "mixing", *files, "--budget-steps", "2", "--batch-size", "8")
    assert "does not know language zh" in said
    equal = cell(tmp_path, "mixing", "english-equal")
    assert (equal["budget_steps"], equal["train_messages"]) == (2, 16)
    assert equal["adapter"] == "adapter"
    assert equal["ece_fitted"] <= 1
    without = ablate(tmp_path, model, "--tables", "loss", "--dev", f"meld:{meld_file(4)}")
    assert without.count("it trains: give --train") == len(TABLES["loss"].cells)


def test_equal_mixing_takes_as_many_of_each_category(model: Path, tmp_path: Path) -> None:
    labels = ["neutral"] * 30 + ["joy"] * 6 + ["sadness"] * 4
    rows = [f"good news,Ada,{label},{number}" for number, label in enumerate(labels)]
    path = tmp_path / "train.csv"
    path.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *rows]))
    taught = Prompting(model, Variant(mixing="equal"), unified=True).taught([CorpusFile("meld", path)], 39)
    names = [one.question.parts.labels[one.target].name for one in taught]
    assert sorted(names.count(one) for one in set(names)) == [13, 13, 13]


def test_retrieval_shows_labelled_neighbours_and_older_turns(model: Path, tmp_path: Path) -> None:
    said = ["so what is new", "it is bad", "it is good", "it is it", "what is bad news again"]
    rows = [f"{text},Ada,joy,1" for text in said] + ["bad news,Bo,sadness,2", "good,Bo,joy,3"]
    path = tmp_path / "talk.csv"
    path.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *rows]))
    file = CorpusFile("meld", path)
    known = Prompting(model, Variant(), unified=False).taught([file], 99)
    near = Prompting(model, Variant(turns=0, neighbours=1), unified=False).asked([file], 99, known)
    (turn,) = near[4].question.parts.history
    assert (turn.speaker, turn.text) == ("sadness", "bad news"), "and none of its own conversation"
    older = Prompting(model, Variant(turns=1, older=1), unified=False).asked([file], 99, known)
    assert [one.text for one in older[4].question.parts.history] == ["it is bad", "it is it"]


def jsonl(path: Path, rows: list[dict[str, str]]) -> CorpusFile:
    path.write_text("\n".join(json.dumps({"conversation_id": "1", "speaker": "Ada"} | row) for row in rows))
    return CorpusFile("jsonl", path)


def test_dialogue_1_of_one_file_is_not_that_of_another(model: Path, tmp_path: Path) -> None:
    """Else the bootstrap would resample them as one, and in mode reasoned one's deduction would serve the other."""
    files = [jsonl(tmp_path / f"{name}.jsonl", [{"text": "so what", "label": "joy"}]) for name in ("a", "b")]
    asked = Prompting(model, Variant(), unified=False).asked(files, 99, [])
    assert len({one.conversation for one in asked}) == 2


def test_neighbours_are_of_the_same_labels(model: Path, profile: ModelProfile, tmp_path: Path) -> None:
    knows_two = profile.model_copy(update={"taxonomies": ("meld", "emocontext")})
    (model / "sentistream.json").write_text(knows_two.model_dump_json())
    other = {"text": "bad news", "taxonomy": "emocontext", "label": "angry", "conversation_id": "3"}
    known = jsonl(tmp_path / "train.jsonl", [{"text": "bad news again", "label": "sadness"}, other])
    dev = jsonl(tmp_path / "dev.jsonl", [{"text": "bad news", "label": "joy"}])
    taught = Prompting(model, Variant(), unified=False).taught([known], 99)
    (asked,) = Prompting(model, Variant(neighbours=2), unified=False).asked([dev], 99, taught)
    assert [turn.speaker for turn in asked.question.parts.history] == ["sadness"], "angry is no answer to this question"


def test_files_that_a_table_is_not_about_are_left_out(model: Path, tmp_path: Path) -> None:
    seen = jsonl(tmp_path / "seen.jsonl", [{"text": "so what", "label": "joy", "scene": "home"}])
    unseen = jsonl(tmp_path / "unseen.jsonl", [{"text": "so what", "label": "joy"}])
    feeling = jsonl(tmp_path / "feeling.jsonl", [{"text": "so what", "taxonomy": "sentiment", "label": "positive"}])
    (asked,) = Prompting(model, Variant(), unified=False, scenes=True).asked([seen, unseen], 99, [])
    assert asked.question.parts.scene == "home"
    (asked,) = Prompting(model, Variant(), unified=True).asked([feeling, unseen], 99, [])
    assert asked.conversation.startswith("jsonl:unseen.jsonl"), "nothing maps a sentiment to one emotion"
    said = ablate(tmp_path, model, "--tables", "scene", "--dev", f"jsonl:{unseen.path}")
    assert "no development file has scene descriptions: add one to --dev" in said


def test_a_servers_other_model_is_asked_anew(
    model: Path, meld_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--tables", "history", "--engine", "scripted", "--dev", f"meld:{meld_file(3)}", "--messages", "4")
    ablate(tmp_path, model, *options)
    before = cell(tmp_path, "history", "k-0")["key"]
    monkeypatch.setenv("SCRIPTED_SEED", "77")
    ablate(tmp_path, model, *options)
    assert cell(tmp_path, "history", "k-0")["key"] != before


def test_an_outage_is_told_in_a_line(
    model: Path, meld_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out(*_: object) -> None:
        raise EngineUnavailableError("the server is out")

    monkeypatch.setattr("sentistream.evaluation.kept_answers._TRIES", 1)
    monkeypatch.setattr("sentistream.evaluation.local_engine.LocalEngine._run", out)
    kept = ("--answers", str(tmp_path / "answers"))
    for command in (
        ("ablate", "--tables", "history", "--out", str(tmp_path / "out"), "--dev", f"meld:{meld_file(3)}", *kept),
        ("evaluate", str(meld_file(3)), "--format", "meld", *kept),
    ):
        result = CliRunner().invoke(main, [*command, "--model", str(model)], catch_exceptions=False)
        assert result.exit_code == 1
        assert "the server is out. What was " in result.stderr
        assert "the same command goes on" in result.stderr


def test_a_file_that_is_written_wrong_is_explained() -> None:
    with pytest.raises(UnknownFormatError, match="FORMAT:PATH"):
        CorpusFile.parse("meld")
