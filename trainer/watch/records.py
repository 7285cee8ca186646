"""One record as one message."""

from typing import Any, TypeVar

from schemas.base import Message
from schemas.codec import decode
from schemas.errors import SchemaError

M = TypeVar("M", bound=Message)


def read(kind: type[M], record: Any) -> M | None:
    """What a record of `confluent_kafka` holds; None where that is no such message."""
    try:
        return decode(kind, record.value())
    except SchemaError:
        return None
