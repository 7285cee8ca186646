"""The trainer's policy is a setting of its own; where the events name another one, it says so."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.adapter import OffsetSpan
from schemas.codec import encode
from tests.trainer.test_gate_rules import compared, report
from tests.trainer.test_watch import event
from trainer.feedback.events import Events
from trainer.feedback.labelled import Collected, Counts
from trainer.gate.markdown import markdown
from trainer.refresh_settings import CLASSES, RefreshSettings
from trainer.refresh_steps import RefreshSteps
from trainer.stages import DataSummary


def events(*policies: str) -> Events:
    """Of a partition that was answered by these, one after the other."""
    found = Events()
    made = [event(place, "v1").model_copy(update={"policy": policy}) for place, policy in enumerate(policies)]
    records = [
        SimpleNamespace(value=lambda one=one: encode(one), partition=lambda: 0, offset=lambda at=at: at)
        for at, one in enumerate(made)
    ]
    found.add(records, ())
    return found


def test_the_policy_of_most_recent_events_is_known() -> None:
    assert Events().policy is None
    assert events("calibrated", "paper", "paper").policy == "paper"
    assert events(*["calibrated"] * 500, *["paper"] * 150).policy == "paper"


@pytest.mark.parametrize(("seen", "told"), [("paper", True), ("calibrated", False), (None, False)])
def test_another_policy_than_the_setting_is_a_warning_and_stands_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, seen: Any, told: bool
) -> None:
    monkeypatch.setenv("TRAINER_FOLDER", str(tmp_path))
    monkeypatch.setenv("TRAINER_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("SANM_POLICY", "calibrated")
    steps = RefreshSteps(RefreshSettings.of({one: one() for one in CLASSES}), lambda: None)
    steps._live = SimpleNamespace(metadata=None, folder=lambda: None)  # type: ignore[assignment]
    span = OffsetSpan(topic="emotion.events", partition=0, start=0, end=9)
    found = Collected((span,), (), None, Counts(), policy=seen)
    monkeypatch.setattr("trainer.refresh_steps.collect", lambda *_, **__: found)
    with capture_logs() as logs:
        steps.collect(SimpleNamespace(spans=(span,)), tmp_path).write(tmp_path)  # type: ignore[arg-type]
    warned = [(one["setting"], one["events"]) for one in logs if one["event"] == "policy_differs"]
    assert warned == ([("calibrated", "paper")] if told else [])
    assert DataSummary.read(tmp_path).policy == seen

    asked: dict[str, Any] = {}

    def judged(*_: object, **given: Any) -> Any:
        asked.update(given)
        return SimpleNamespace(released=False, reasons=(), metrics={}, temperature=1.0, threshold=0.1)

    monkeypatch.setattr("trainer.refresh_steps.judge", judged)
    run = SimpleNamespace(version="v2")
    steps.judge(run, tmp_path, tmp_path, tmp_path, lambda: None)  # type: ignore[arg-type]
    assert asked["answered_by"] == seen
    text = markdown(report((), compared()).model_copy(update={"answered_by": seen}))
    assert ("most recent events were answered through `paper`" in text) is told
