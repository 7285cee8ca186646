"""The page of faults is made of rows that several runs write, each its own."""

from pathlib import Path

from tests.faults.checker import Fates
from tests.faults.report import Report, Row, read_rows

_CLEAN = Fates(records=100, lost=0, doubled=0, disordered=0, mistaken=0, other_windows=0, degraded=0)


def _row(name: str, *, part: str = "", times: int = 1, lost: int = 0, recovery_s: tuple[float, ...] = ()) -> Row:
    fates = Fates(100, lost, 0, 0, 0, 0, 0)
    return Row(id=name, part=part, fault=f"fault {name}", times=times, fates=fates, recovery_s=recovery_s)


def test_a_partial_run_updates_its_own_rows_only(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    Report(page).add(_row("20-second", times=7))
    Report(page).add(_row("10-first", lost=3))
    Report(page).add(_row("10-first"))
    assert [(one.id, one.times, one.fates) for one in read_rows(tmp_path / "faults")] == [
        ("10-first", 1, _CLEAN),
        ("20-second", 7, _CLEAN),
    ]
    text = page.read_text()
    assert text.index("fault 10-first") < text.index("fault 20-second")


def test_the_parts_of_a_fault_add_up(tmp_path: Path) -> None:
    report = Report(tmp_path / "faults.md")
    report.add(_row("10-first", part="1", times=20, recovery_s=(1.0, 9.0)))
    report.add(_row("10-first", part="2", times=21, lost=1, recovery_s=(2.0,)))
    (row,) = read_rows(tmp_path / "faults")
    assert row.times == 41
    assert row.fates == Fates(200, 1, 0, 0, 0, 0, 0)
    assert "| 2.0, 9.0 |" in (tmp_path / "faults.md").read_text()


def test_a_run_of_the_whole_fault_replaces_its_parts_and_counts_are_added_up(tmp_path: Path) -> None:
    report = Report(tmp_path / "faults.md")
    for part in ("1", "2"):
        row = _row("10-first", part=part, times=20)
        report.add(row.model_copy(update={"counts": {"streams": 12, "workers": 8}, "note": "as promised"}))
    assert "| streams: 24, workers: 16; as promised |" in (tmp_path / "faults.md").read_text()
    report.add(_row("10-first", times=3))
    (whole,) = read_rows(tmp_path / "faults")
    assert (whole.times, whole.counts) == (3, {})
    report.add(_row("10-first", part="1", times=5))
    (part_of_it,) = read_rows(tmp_path / "faults")
    assert part_of_it.times == 5


def test_controls_and_reasons_have_sections_of_their_own(tmp_path: Path) -> None:
    report = Report(tmp_path / "faults.md")
    report.add(_row("10-first").model_copy(update={"against": "none, since nothing protects from it"}))
    report.add(_row("10-control-first").model_copy(update={"control": True}))
    tables = (tmp_path / "faults.md").read_text().split("## ")
    assert "fault 10-first" in tables[0]
    assert "fault 10-control-first" not in tables[0]
    assert "fault 10-control-first" in tables[1]
    assert "- fault 10-first: none, since" in tables[2]
