"""``dead.letters``: the original bytes as value and key; the facts stand in headers."""

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Frozen
from schemas.chat import Source

#: Why there is no event; fit for a metric's label.
DeadLetterReason = Literal[
    "not_utf8", "not_json", "invalid", "empty", "unknown_version", "prompt_refused", "request_unreadable", "too_old"
]

#: Before every fact's name, so that other headers of the record can stand beside.
HEADER_PREFIX: Final = "sentistream-"


class DeadLetter(Frozen):
    """The headers of a dead letter.

    Attributes:
        topic: the topic that the bytes stood in.
        partition: the partition there.
        offset: the offset there.
        detail: what was wrong, without the message's text.
        source: the chat message, which is another place than topic, partition, offset where a request was unreadable.
    """

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    reason: DeadLetterReason
    detail: str
    source: Source | None = None
    failed_at: AwareDatetime

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The facts as Kafka headers; a source as compact JSON."""
        fields = self.model_dump(mode="json", exclude={"source"}, exclude_none=True)
        headers = [(HEADER_PREFIX + name, str(value).encode()) for name, value in fields.items()]
        if self.source is not None:
            headers.append((HEADER_PREFIX + "source", self.source.model_dump_json().encode()))
        return headers

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> "DeadLetter":
        """Read the facts back; pydantic's ValidationError where they are not a dead letter's."""
        facts: dict[str, object] = {
            name.removeprefix(HEADER_PREFIX): value.decode()
            for name, value in headers
            if value is not None and name.startswith(HEADER_PREFIX)
        }
        source = facts.get("source")
        if isinstance(source, str):
            facts["source"] = Source.model_validate_json(source)
        return cls.model_validate(facts)
