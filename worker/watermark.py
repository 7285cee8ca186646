"""Duplicates and gaps among requests, told from one mark per partition (guarantee 2). Pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from schemas.chat import Source
from worker.errors import WatermarkMissingError

#: How many topics that were deleted and made anew are remembered, so that late requests of theirs are known.
_RETIRED: Final = 4
_METADATA_VERSION: Final = 1
#: Larger than any offset: a mark of no topic with it takes the next request as it comes.
ANY_OFFSET: Final = 2**63 - 1


class Verdict(Enum):
    """What a request is, seen from the mark of its partition."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Watermark:
    """The highest source offset accepted in one partition.

    Attributes:
        topic_id: of ``chat.messages``; None before the first request.
        offset: in that topic's partition; before the first request the one before the first message there is.
        retired: ids that the topic had before it was made anew, the latest first.
    """

    topic_id: str | None = None
    offset: int = -1
    retired: tuple[str, ...] = ()

    def advanced(self, source: Source) -> "Watermark":
        """The mark once this source is accepted."""
        if source.topic_id == self.topic_id:
            return Watermark(self.topic_id, max(self.offset, source.offset), self.retired)
        retired = self.retired if self.topic_id is None else (self.topic_id, *self.retired)[:_RETIRED]
        return Watermark(source.topic_id, source.offset, retired)

    def to_metadata(self, worker_version: str) -> str:
        """Compact JSON for the committed offset's metadata; Kafka allows 4096 bytes."""
        fields: dict[str, Any] = {"v": _METADATA_VERSION, "worker": worker_version}
        if self.topic_id is not None:
            fields |= {"topic": self.topic_id, "offset": self.offset}
        if self.retired:
            fields["retired"] = self.retired
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_metadata(cls, metadata: str, where: str) -> "Watermark":
        """Read a committed offset's metadata back.

        Args:
            metadata: what was committed.
            where: topic and partition, for the error's text.

        Raises:
            WatermarkMissingError: something else committed this offset, or a newer worker.
        """
        hint = (
            "Without it duplicates and gaps cannot be seen. Commit nothing in this group by other tools; to go on from "
            "there and take the next request as it comes, start once with ACCEPT_MISSING_WATERMARK=true"
        )
        try:
            fields = json.loads(metadata)
            if fields["v"] != _METADATA_VERSION:
                raise WatermarkMissingError(
                    f"the watermark committed for {where} has version {fields['v']}, and this worker knows "
                    f"{_METADATA_VERSION}: run the newer worker again"
                )
            return cls(fields.get("topic"), int(fields.get("offset", -1)), tuple(fields.get("retired", ())))
        except (ValueError, KeyError, TypeError) as error:
            found = "no metadata" if not metadata else f"metadata {metadata[:80]!r}"
            raise WatermarkMissingError(f"the offset committed for {where} carries {found}. {hint}") from error


#: Judges a request by its source and the position before it, from a partition's mark.
Judge = Callable[[Watermark, Source, int], Verdict]


def judge(mark: Watermark, source: Source, after: int) -> Verdict:
    """Tell duplicates and gaps.

    A mark that only knew the highest offset *seen* would lose records: one that failed to be sent in a burst and came
    later would look like a duplicate. So what does not follow on the mark is not accepted.
    """
    if mark.topic_id is None:
        return Verdict.ACCEPTED if after <= mark.offset else Verdict.GAP
    if source.topic_id != mark.topic_id:
        # The topic was made anew and starts at 0 again. What is left of the older one once the new one is
        # being read can only be an old owner's repetition.
        return Verdict.DUPLICATE if source.topic_id in mark.retired else Verdict.ACCEPTED
    if source.offset <= mark.offset:
        return Verdict.DUPLICATE
    return Verdict.ACCEPTED if after <= mark.offset else Verdict.GAP
