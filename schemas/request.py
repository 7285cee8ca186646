"""``sanm.requests``: a message with its prompt's parts or the reason for none, in the message's own partition."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Base64Bytes, Field, TypeAdapter

from schemas.base import Message
from schemas.chat import ChatMessage, Source
from schemas.prompt import PromptParts

#: Why the stream could not take a record; fit for a metric's label.
RejectionReason = Literal["not_utf8", "not_json", "invalid", "empty", "unknown_version"]


class _FromStream(Message):
    """What a worker needs of every record to see duplicates and gaps (guarantee 2).

    Attributes:
        source: the record of ``chat.messages``.
        after: the offset of the record that this streams process had reached in the partition before it;
            -1 before the very first.
        received_at: when the stream took the record.
        logged_at: Kafka's timestamp of the record, by which ages are told; None from a stream that did not say it yet.
    """

    source: Source
    after: int = Field(ge=-1)
    received_at: AwareDatetime
    logged_at: AwareDatetime | None = None


class SanmRequest(_FromStream):
    """A message ready for the negotiation.

    Attributes:
        prompt_hash: SHA-256 over I, H, L and the message, in hexadecimal.
        tokenizer: SHA-256 of the tokenizer that the cuts were made with, in hexadecimal.
        degraded: the history window may lack turns, because Redis had lost them and they could not be rebuilt.
        requested_at: when the prompt's parts were ready.
    """

    kind: Literal["request"] = "request"
    message: ChatMessage
    prompt: PromptParts
    prompt_hash: str
    tokenizer: str
    degraded: bool = False
    requested_at: AwareDatetime


class Rejected(_FromStream):
    """A record that the stream cannot take; the worker turns it into a dead letter."""

    kind: Literal["rejected"] = "rejected"
    reason: RejectionReason
    detail: str
    key: Base64Bytes | None = None
    value: Base64Bytes | None = None


Request = Annotated[SanmRequest | Rejected, Field(discriminator="kind")]

#: Reads any record of ``sanm.requests``.
REQUEST_ADAPTER: TypeAdapter[SanmRequest | Rejected] = TypeAdapter(Request)
