"""From a record of ``sanm.requests`` to an entry: what it is, whether it follows on the watermark, what is to do."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from pydantic import ValidationError

from schemas.chat import Source
from schemas.codec import decode_request
from schemas.errors import MalformedRecordError, UnknownSchemaVersionError
from schemas.request import Rejected, SanmRequest
from worker import metrics
from worker.dead_letters import DeadLetterWriter
from worker.errors import ForeignTokenizerError
from worker.faultpoints import FaultPoints
from worker.partitions import Assignment, Entry
from worker.records import DROPPED, Headers
from worker.watermark import Judge, Verdict, Watermark

if TYPE_CHECKING:
    from worker.traces import WorkerTraces

log = structlog.get_logger()

#: Headers that go from the request to what is made of it (W3C Trace Context).
_CARRIED: Final = frozenset({"traceparent", "tracestate"})


@dataclass(frozen=True, slots=True)
class Job:
    """A request for the labeller.

    Attributes:
        message: the record that it came in.
        headers: those that are carried over.
        logged_s: Kafka's timestamp of the chat message, seconds since 1970.
    """

    entry: Entry
    request: SanmRequest
    message: Any
    headers: Headers
    logged_s: float


class Intake:
    """Takes records in the order of their partition.

    Args:
        tokenizer: checksum of the model's tokenizer; None does not look at it.
        accept_loss: take a request behind a gap as it comes.
        traces: None while they are off.
    """

    def __init__(
        self,
        letters: DeadLetterWriter,
        judge: Judge,
        faults: FaultPoints,
        *,
        tokenizer: str | None,
        accept_loss: bool,
        traces: "WorkerTraces | None" = None,
    ) -> None:
        self._letters = letters
        self._judge = judge
        self._faults = faults
        self._tokenizer = tokenizer
        self._accept_loss = accept_loss
        self._traces = traces

    def take(self, assignment: Assignment, message: Any) -> Job | None:
        """Add one record to its partition.

        Returns:
            What the labeller must do, or None: the entry has its outcome already, waits behind a gap, or the partition
            was parked (the record then was not taken).

        Raises:
            ForeignTokenizerError: the request was cut for another model.
        """
        headers = [(name, value) for name, value in message.headers() or () if name in _CARRIED]
        try:
            request = decode_request(message.value())
            _check_partition(request, message)
        except UnknownSchemaVersionError as error:
            assignment.parked = str(error)
            log.warning("partition_parked", partition=message.partition(), offset=message.offset(), reason=str(error))
            return None
        except MalformedRecordError as error:
            self._take_unreadable(assignment, message, str(error), headers)
            return None
        entry = self._admit(assignment, message, request.source, request.after)
        if entry is None:
            return None
        if self._traces is not None:
            entry.trace = self._traces.taken(message)
        if isinstance(request, Rejected):
            outcome = self._letters.rejected(request, headers)
            if entry.trace is not None:
                entry.trace.decided(outcome)
            entry.finish(outcome)
            return None
        self._check_tokenizer(request)
        return Job(entry, request, message, headers, logged_s(request, message))

    def _take_unreadable(self, assignment: Assignment, message: Any, detail: str, headers: Headers) -> None:
        """One dead letter; where its source can still be read, the mark moves as for any other request."""
        entry: Entry | None
        place = _loose_place(message.value(), message.partition())
        if place is None:
            entry = assignment.add(message.offset(), assignment.mark)
        else:
            entry = self._admit(assignment, message, *place)
        if entry is not None:
            source = place[0] if place else None
            log.warning("request_unreadable", partition=message.partition(), offset=message.offset())
            entry.finish(self._letters.unreadable(message, detail, source, headers))

    def _admit(self, assignment: Assignment, message: Any, source: Source, after: int) -> Entry | None:
        """Judge by the watermark; an entry of its own for what is accepted, None for the rest."""
        mark = assignment.mark
        offset = message.offset()
        verdict = self._judge(mark, source, after)
        if verdict is Verdict.GAP and self._accept_loss:
            metrics.LOSSES_ACCEPTED.inc()
            log.error("loss_accepted", **_gap(mark, source, after))
            verdict = Verdict.ACCEPTED
        if verdict is Verdict.DUPLICATE:
            metrics.DUPLICATES.inc()
            log.debug("duplicate_dropped", partition=source.partition, offset=source.offset)
            assignment.add(offset, mark).finish(DROPPED)
            return None
        if verdict is Verdict.GAP:
            metrics.GAPS.inc()
            if assignment.gap_since is None:
                assignment.gap_since = time.monotonic()
                log.warning("gap_seen", request_offset=offset, **_gap(mark, source, after))
            assignment.add(offset, mark, gap=source)
            return None
        if mark.topic_id not in (None, source.topic_id):
            log.warning("topic_made_anew", partition=source.partition, was=mark.topic_id, now=source.topic_id)
        entry = assignment.add(offset, mark.advanced(source))
        if assignment.gap_since is not None and (healed := assignment.heal()):
            metrics.GAPS_HEALED.inc(healed)
            log.info("gap_healed", partition=source.partition, requests=healed, open=assignment.gap_since is not None)
        self._faults.reach("after_accept")
        return entry

    def _check_tokenizer(self, request: SanmRequest) -> None:
        if self._tokenizer is not None and request.tokenizer != self._tokenizer:
            raise ForeignTokenizerError(
                f"the request for message {request.source.event_id} was cut with tokenizer {request.tokenizer}, and "
                f"this worker's model has {self._tokenizer}: give streams and worker the same MODEL"
            )


def _check_partition(request: SanmRequest | Rejected, message: Any) -> None:
    """Order and watermark rest on it: a request stands in its message's partition."""
    if request.source.partition != message.partition():
        raise MalformedRecordError(
            "invalid", f"a request for partition {request.source.partition} stands in partition {message.partition()}"
        )


def logged_s(request: SanmRequest, message: Any) -> float:
    """When the chat message came to Kafka; a stream from before that was said tells when the request did."""
    if request.logged_at is not None:
        return request.logged_at.timestamp()
    kind, milliseconds = message.timestamp()
    return float(milliseconds) / 1000 if kind != TIMESTAMP_NOT_AVAILABLE else time.time()


def _gap(mark: Watermark, source: Source, after: int) -> dict[str, Any]:
    return {
        "topic_id": source.topic_id,
        "partition": source.partition,
        "missing_from": mark.offset + 1,
        "missing_to": after,
    }


def _loose_place(value: bytes | None, partition: int) -> tuple[Source, int] | None:
    """The source and `after` of a request that is otherwise not valid."""
    try:
        fields = json.loads(value or b"")
        source = Source.model_validate(fields["source"])
        return (source, int(fields["after"])) if source.partition == partition else None
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError):
        return None
