"""All corpora of a recipe by one command, on files made up here and by a scripted engine."""

import json
from pathlib import Path

import orjson
import pytest

from sentistream.evaluation.all_corpora import evaluations, main
from trainer.bilingual.recipe import BilingualRecipe
from trainer.evaluation.results import results

NINE = {"meld", "emorynlp", "dailydialog", "emocontext", "goemotions", "cped", "smp2020", "twitter2015", "twitter2017"}


def test_the_recipe_that_ships_asks_nine_corpora() -> None:
    asked = evaluations(BilingualRecipe.load("sentistream-enzh-37m"), Path("data"), Path("held"))
    assert asked.keys() == NINE
    assert asked["meld"][:3] == ["data/meld/dev_sent_emo.csv", "--format", "meld"]
    assert asked["cped"] == [
        *("held/cped.jsonl", "--format", "jsonl"),
        *("--baseline-train", "cped:data/cped/valid_split.csv", "--baseline-train", "cped:data/cped/more_split.csv"),
    ]
    assert asked["smp2020"][0] == "held/smp2020.jsonl"


def test_one_command_fills_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MELD by a file of its own, EmoContext by a part that is held out of a file that trains."""
    monkeypatch.setenv("EVALUATE_ENGINE", "scripted")
    head = "Utterance,Speaker,Emotion,Dialogue_ID"
    (tmp_path / "train.csv").write_text(f"{head}\nI miss her.,Ada,sadness,1\nOh great!,Bo,joy,1\n")
    (tmp_path / "dev.csv").write_text(f"{head}\nI am so glad.,Ada,joy,7\n")
    (tmp_path / "emocontext.txt").write_text("1\tHi\tHello\tI am glad\thappy\n2\tHi\tHello\tI cry\tsad\n")
    line = {"conversation_id": "2", "speaker": "A", "taxonomy": "emocontext"}
    lines = [line | {"text": "Hi"}, line | {"text": "Hello", "speaker": "B"}, line | {"text": "I cry", "label": "sad"}]
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "emocontext.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    recipe = BilingualRecipe.load("sentistream-enzh-37m").model_dump(mode="json") | {
        "corpora": [
            {"format": "meld", "file": "train.csv"},
            {"format": "meld", "file": "dev.csv", "held_out": "."},
            {"format": "emocontext", "file": "emocontext.txt", "held_out": "^2$"},
        ]
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    places = [str(tmp_path), str(tmp_path / "held"), str(tmp_path / "out")]
    main([*places, "--recipe", str(tmp_path / "recipe.yaml"), "--answers", str(tmp_path / "answers")])
    found = json.loads((tmp_path / "out" / "emocontext.json").read_text())
    assert found["policies"].keys() == {"one-pass", "calibrated"}
    assert found["policies"]["calibrated"]["model_s_ratio"] >= 1
    assert found["baselines"]["commonest"]["trained_on"] == 1, "the other one is what is asked"
    text = results(tmp_path / "out")
    assert "| meld: dev.csv | weighted F1 | calibrated |" in text
    assert "| jsonl: emocontext.jsonl | micro-F1 of happy, sad, angry | calibrated |" in text
