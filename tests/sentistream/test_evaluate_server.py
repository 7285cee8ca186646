"""`sentistream evaluate` with a chat model behind a real HTTP server that has no model."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sentistream.cli import main
from tests.worker.model_folder import make_folder
from tests.worker.openai_double import Asked, OpenAIDouble

ROWS = [("so what", "anger", 0), ("good news", "joy", 0), ("bad news", "sadness", 1)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "talk.csv"
    rows = [f"{text},Ada,{label},{dialogue}" for text, label, dialogue in ROWS]
    path.write_text("\n".join(["Utterance,Speaker,Emotion,Dialogue_ID", *rows]))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return make_folder(tmp_path / "model", "chat")


async def evaluate(double: OpenAIDouble, file: Path, model: Path, *options: str) -> Result:
    out = file.with_suffix(".json")
    words = ["evaluate", str(file), "--format", "meld", "--engine", "openai", "--model", str(model), "--json", str(out)]
    words += ["--answers", str(file.parent / "answers"), *options]
    environment = {"OPENAI_BASE_URL": double.url, "OPENAI_MODEL": "little"}
    return await asyncio.to_thread(CliRunner().invoke, main, words, env=environment, catch_exceptions=False)


def figures(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.with_suffix(".json").read_text())
    return found


async def test_reasoned_answers_are_counted_with_their_words(file: Path, model: Path) -> None:
    """The server always says joy, with its reasons and its deduction, so that G and D agree at once."""
    answer = {"scenario": "s", "people": "p", "relationships": "r", "reason": "why", "label": "joy"}

    def say(asked: Asked) -> tuple[int, Any] | None:
        if asked.path != "chat/completions":
            return None
        usage = {"prompt_tokens": 50, "completion_tokens": 7}
        return 200, {"choices": [{"message": {"content": json.dumps(answer)}}], "usage": usage}

    async with OpenAIDouble().running() as double:
        double.override = say
        done = await evaluate(double, file, model, "--mode", "reasoned", "--policy", "paper")
        assert done.exit_code == 0, done.stderr
        found = figures(file)
        assert (found["model_calls"], found["tokens"], found["accuracy"]) == (6, 6 * 57, pytest.approx(1 / 3))
        assert found["ece"] is None, "words have no scores"
        calls = len(double.bodies("chat/completions"))
        assert calls == 6
        await evaluate(double, file, model, "--mode", "reasoned", "--policy", "paper", "--rounds", "1")
        assert len(double.bodies("chat/completions")) == calls, "another number of rounds asks nothing again"


async def test_direct_answers_carry_scores_and_an_outage_is_waited_for(file: Path, model: Path) -> None:
    out = True

    def fail_once(asked: Asked) -> tuple[int, Any] | None:
        nonlocal out
        if asked.path == "chat/completions" and out:
            out = False
            return 503, "later"
        return None

    async with OpenAIDouble().running() as double:
        double.override = fail_once
        done = await evaluate(double, file, model, "--policy", "calibrated")
    assert done.exit_code == 0, done.stderr
    assert not out
    assert figures(file)["ece"] is not None
    assert figures(file)["engine"] == "openai"
