"""A run's figures are what they say."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from sentistream.cli import main
from sentistream.commands.replay import finish
from sentistream.fates import Ledger
from sentistream.publisher import Place
from sentistream.report import run_report
from sentistream.script import Line
from sentistream.watcher import Observation
from tests.sentistream.synthetic import make_letter, observed

LABELS = ("anger", "joy", "neutral")
#: True label, first answer, final label.
Row = tuple[str | None, str | None, str | None]


def run_of(rows: Sequence[Row]) -> tuple[Ledger, list[Line]]:
    ledger = Ledger()
    lines = []
    for offset, (truth, first, final) in enumerate(rows):
        ledger.delivered(ledger.sent(0.0), Place(0, offset))
        ledger.seen(observed(Place(0, offset), (offset + 1) / 1000, final, first))
        lines.append(Line("c", "ana", "text", "en", label=truth))
    return ledger, lines


def test_fates_rate_and_latency() -> None:
    ledger, lines = run_of([("joy", "joy", "joy")] * 99)
    ledger.delivered(ledger.sent(0.0), Place(1, 0))
    ledger.seen(Observation(Place(1, 0), 0.1, letter=make_letter(Place(1, 0))))
    ledger.sent(0.0)
    lines += [Line("c", "?", "bad", is_message=False), Line("c", "ana", "lost")]
    found = run_report(ledger, lines, wall_s=2.0)
    assert (found.messages, found.events, found.dead_letters, found.missing) == (101, 99, 1, 1)
    assert found.messages_per_s == 50.5
    assert found.latency_ms is not None
    assert found.latency_ms.p50 == pytest.approx(50.5)
    assert found.latency_ms.p99 == pytest.approx(99.0, abs=0.1)
    assert found.model_calls == 198
    assert found.mean_rounds == 1.0


def test_without_labels_nothing_is_said_about_agreement() -> None:
    ledger, lines = run_of([("joy", "joy", "joy")])
    assert set(run_report(ledger, lines, 1.0).to_json()) == {
        "messages",
        "events",
        "dead_letters",
        "missing",
        "duplicates",
        "wall_s",
        "messages_per_s",
        "latency_ms",
        "outliers",
        "model_calls",
        "mean_rounds",
    }


def test_agreement_flips_and_outliers() -> None:
    rows: list[Row] = [
        ("joy", "joy", "joy"),
        ("joy", "joy", "anger"),
        ("anger", "joy", "anger"),
        ("anger", "anger", None),
        (None, "joy", "joy"),
    ]
    found = run_report(*run_of(rows), wall_s=1.0, labels=LABELS).to_json()
    # Four labelled: joy found, joy lost, anger found, anger an outlier, which is wrong.
    assert found["accuracy"] == 0.5
    assert found["outliers"] == 1
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (2, 1)
    per_label = found["per_label"]
    assert isinstance(per_label, dict)
    assert per_label["joy"] == {"precision": 1.0, "recall": 0.5, "f1": 0.6667, "support": 2}
    assert per_label["anger"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    # Macro over the labels that occur, weighted by their support; here both are the same.
    assert found["macro_f1"] == found["weighted_f1"] == pytest.approx(0.5833, abs=1e-4)


def test_an_empty_run_has_no_figures_to_divide() -> None:
    found = run_report(Ledger(), [], wall_s=0.0).to_json()
    assert found["messages"] == 0
    assert found["messages_per_s"] == 0.0
    assert found["latency_ms"] is None
    assert found["mean_rounds"] is None


def test_a_report_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    chats = tmp_path / "chats.jsonl"
    chats.write_text('{"conversation_id": "c", "speaker": "ana", "text": "hi"}\n')
    # A file where a folder should be: also root cannot write there.
    for report in (tmp_path, chats / "report.json"):
        # Nobody listens there: what is started first would say so.
        command = ["replay", str(chats), "--attach", "--kafka-bootstrap-servers", "127.0.0.1:1"]
        result = CliRunner().invoke(main, [*command, "--report", str(report)])
        assert result.exit_code == 1
        assert f"--report {report}" in result.output
        assert "127.0.0.1:1" not in result.output


def test_a_report_goes_into_a_new_folder_too(tmp_path: Path) -> None:
    report = tmp_path / "runs" / "one.json"
    finish(run_report(*run_of([("joy", "joy", "joy")]), wall_s=1.0), report)
    assert orjson.loads(report.read_bytes())["messages"] == 1
