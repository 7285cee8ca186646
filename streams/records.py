"""A record of ``chat.messages`` as the stream meets it: a message, or the reason why it is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.errors import MalformedRecordError, UnknownSchemaVersionError
from schemas.request import RejectionReason

_REASONS: Final[dict[str, RejectionReason]] = {
    "not_utf8": "not_utf8",
    "not_json": "not_json",
    "invalid": "invalid",
    "empty": "empty",
}

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as Kafka has it.

    Attributes:
        after: offset of the record that this process had reached in the partition before it.
        timestamp: Kafka's, seconds since 1970.
    """

    partition: int
    offset: int
    after: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record is no message; the detail never shows its text."""

    reason: RejectionReason
    detail: str


def read(value: bytes | None) -> ChatMessage | Refusal:
    """The message that a record holds."""
    try:
        return decode(ChatMessage, value)
    except MalformedRecordError as error:
        return Refusal(_REASONS.get(error.reason, "invalid"), error.detail)
    except UnknownSchemaVersionError as error:
        return Refusal("unknown_version", str(error))
