from pathlib import Path

from click.testing import CliRunner

from sentistream.cli import main


def test_evaluate_says_what_is_wrong_in_a_line(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["evaluate", str(tmp_path / "none.csv"), "--format", "meld"])
    assert missing.exit_code == 1
    assert "none.csv" in missing.stderr
    assert "Traceback" not in missing.stderr
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"conversation_id": "a", "speaker": "b", "text": "c"}\n')
    unlabelled = CliRunner().invoke(main, ["evaluate", str(bare)])
    assert "nothing to compare" in unlabelled.stderr


def test_train_base_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        [
            "train-base",
            *("--train-file", str(tmp_path / "train.csv"), "--dev-file", str(tmp_path / "dev.csv")),
            *("--model-folder", str(tmp_path / "model")),
        ],
    )
    assert result.exit_code == 1
    assert "dev.csv" in result.stderr
    assert not (tmp_path / "model").exists()
