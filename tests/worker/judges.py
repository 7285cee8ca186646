"""Ways of judging requests: the product's, and those that are known to fail, for negative controls."""

from typing import Final

from schemas.chat import Source
from worker.watermark import Judge, Verdict, Watermark, judge


def accept_all(_: Watermark, __: Source, ___: int) -> Verdict:
    """No watermark at all: whatever comes again is labelled again."""
    return Verdict.ACCEPTED


def highest_seen(mark: Watermark, source: Source, _: int) -> Verdict:
    """A plain mark without `after`: what failed to be sent in a burst and comes later looks like a duplicate."""
    seen = source.topic_id == mark.topic_id and source.offset <= mark.offset
    return Verdict.DUPLICATE if seen else Verdict.ACCEPTED


JUDGES: Final[dict[str, Judge]] = {"watermark": judge, "accept_all": accept_all, "highest_seen": highest_seen}
