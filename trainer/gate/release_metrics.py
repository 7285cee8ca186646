"""The figures of a decision that go into the release record and the adapter's metadata."""

from trainer.gate.report import GateReport


def release_metrics(report: GateReport) -> dict[str, float]:
    """By name; those of what was live begin with ``live_``. Only the counts where too little was held out."""
    metrics = {"held_out_messages": float(report.messages), "held_out_conversations": float(report.conversations)}
    if report.interpolation is not None:
        metrics["interpolation"] = report.interpolation.share
    if report.compared is None:
        return metrics
    for prefix, side in (("", report.compared.candidate), ("live_", report.compared.live)):
        metrics |= {
            f"{prefix}{what}": float(getattr(side, what))
            for what in ("accuracy", "macro_f1", "weighted_f1", "invalid", "calibration_error", "calls")
        }
    metrics["macro_f1_not_worse"] = report.compared.macro_f1.not_worse
    metrics["time_ratio"] = report.compared.time.per_message
    metrics |= {f"recall_{row.name}": row.recall.candidate for row in report.compared.labels if row.support}
    metrics |= {f"guard_{row.name}": row.weighted_f1.candidate for row in report.compared.guards}
    return metrics
