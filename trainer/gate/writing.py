"""Writing the report: Markdown for people, JSON for programs, and two pictures."""

from pathlib import Path

from trainer.gate.markdown import markdown
from trainer.gate.report import (
    CONFUSION_PICTURE,
    RELIABILITY_PICTURE,
    REPORT_JSON,
    REPORT_MARKDOWN,
    GateReport,
)


def write_report(out: Path, report: GateReport) -> None:
    """Write everything to ``out``; the JSON comes last, so that where it is, all is."""
    out.mkdir(parents=True, exist_ok=True)
    if report.compared is not None:
        from trainer.gate.pictures import draw_confusion, draw_reliability

        draw_confusion(out / CONFUSION_PICTURE, report.compared, list(report.compared.names))
        draw_reliability(out / RELIABILITY_PICTURE, report.compared)
    (out / REPORT_MARKDOWN).write_text(markdown(report), encoding="utf-8")
    (out / REPORT_JSON).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
