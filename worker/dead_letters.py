"""Dead letters: one for each record that gets no event, and the cap on their share."""

from collections import deque
from datetime import UTC, datetime
from typing import Any

from schemas.chat import Source
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.request import Rejected, SanmRequest
from schemas.topics import TopicNames
from worker.errors import TooManyDeadLettersError
from worker.records import Headers, Outcome, Record


class DeadLetterWriter:
    """Makes dead letters of what came from ``sanm.requests``."""

    def __init__(self, names: TopicNames) -> None:
        self._names = names

    def rejected(self, rejected: Rejected, headers: Headers) -> Outcome:
        """What the stream could not take: the chat message's own bytes, and its own place."""
        letter = DeadLetter(
            topic=self._names.messages,
            partition=rejected.source.partition,
            offset=rejected.source.offset,
            reason=rejected.reason,
            detail=rejected.detail,
            source=rejected.source,
            failed_at=datetime.now(UTC),
        )
        return self._outcome(letter, rejected.key, rejected.value, headers)

    def refused(self, request: SanmRequest, message: Any, detail: str, headers: Headers) -> Outcome:
        """What the model can never label: the request's bytes."""
        return self._of_request(message, "prompt_refused", detail, request.source, headers)

    def too_old(self, request: SanmRequest, message: Any, detail: str, headers: Headers) -> Outcome:
        """What waited for longer than MAX_AGE_SECONDS: the request's bytes."""
        return self._of_request(message, "too_old", detail, request.source, headers)

    def unreadable(self, message: Any, detail: str, source: Source | None, headers: Headers) -> Outcome:
        """What is no request: the request's bytes."""
        return self._of_request(message, "request_unreadable", detail, source, headers)

    def _of_request(
        self, message: Any, reason: DeadLetterReason, detail: str, source: Source | None, headers: Headers
    ) -> Outcome:
        letter = DeadLetter(
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            reason=reason,
            detail=detail,
            source=source,
            failed_at=datetime.now(UTC),
        )
        return self._outcome(letter, message.key(), message.value(), headers)

    def _outcome(self, letter: DeadLetter, key: bytes | None, value: bytes | None, headers: Headers) -> Outcome:
        record = Record(self._names.dead_letters, None, key, value, [*letter.to_headers(), *headers])
        return Outcome("dead_letter", record, reason=letter.reason)


class DeadLetterCap:
    """Stops a worker that turns more than a share of its latest records into dead letters.

    Args:
        share: 1 never stops.
        window: the number of records that the share is taken over; fewer are never judged.
    """

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._latest: deque[bool] = deque(maxlen=window)
        self._dead = 0

    def count(self, outcome: Outcome) -> None:
        """Count one record that ends as an event or a dead letter; TooManyDeadLettersError above the share."""
        if outcome.reason == "too_old":
            return  # the operator's own wish, and no sign of bad input; nor does it make that look rare
        dead = outcome.kind == "dead_letter"
        if len(self._latest) == self._latest.maxlen:
            self._dead -= self._latest[0]
        self._latest.append(dead)
        self._dead += dead
        if dead and len(self._latest) == self._latest.maxlen and self._dead > self._share * len(self._latest):
            raise TooManyDeadLettersError(
                f"{self._dead} of the last {len(self._latest)} records became dead letters, more than "
                f"DEAD_LETTER_SHARE ({self._share:g}) allows; the last reason was {outcome.reason}. Look at them with "
                "`sentistream dlq list`, mend what sends or refuses them, and start again"
            )
