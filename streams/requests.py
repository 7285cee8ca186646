"""The JSON of requests, put together from pieces that are encoded once.

The prompt's bytes are what its hash is made from; encoding them a second time inside the request was a third of the
stream's time. ``decode_request`` reads the result back, and a test says that nothing differs.
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Final

import orjson

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.request import SanmRequest
from streams.records import Headers, Record, Refusal

#: W3C trace context, carried from message to request.
_TRACE: Final = frozenset({"traceparent", "tracestate"})


class RequestEncoder:
    """Encodes the requests of one topic."""

    def __init__(self, topic_id: str, builder: PartsBuilder) -> None:
        self._topic = orjson.dumps(topic_id)
        version = SanmRequest.model_fields["schema_version"].default
        self._head = f'{{"schema_version":"{version}","kind":"%s","source":'.encode()
        self._tokenizer = f'","tokenizer":"{builder.tokenizer.sha256}"'.encode()

    def request(
        self, record: Record, message: ChatMessage, prompt: bytes, received_at: str, now: str, *, degraded: bool
    ) -> bytes:
        """A request; ``prompt`` is the parts as the builder encodes them, the times are ISO 8601."""
        return b"".join(
            (
                self._head % b"request",
                self._place(record, received_at),
                b',"message":',
                encode(message),
                b',"prompt":',
                prompt,
                b',"prompt_hash":"',
                hashlib.sha256(prompt).hexdigest().encode(),
                self._tokenizer,
                b',"degraded":true' if degraded else b"",
                b',"requested_at":"',
                now.encode(),
                b'"}',
            )
        )

    def rejected(self, record: Record, refusal: Refusal, received_at: str) -> bytes:
        """A record that cannot be taken, its bytes and the reason."""
        original = {
            name: base64.b64encode(value).decode()
            for name, value in (("key", record.key), ("value", record.value))
            if value is not None
        }
        facts = orjson.dumps({"reason": refusal.reason, "detail": refusal.detail, **original})
        return self._head % b"rejected" + self._place(record, received_at) + b"," + facts[1:]

    def _place(self, record: Record, received_at: str) -> bytes:
        logged_at = datetime.fromtimestamp(record.timestamp, UTC).isoformat()
        return b'{"topic_id":%b,"partition":%d,"offset":%d},"after":%d,"received_at":"%b","logged_at":"%b"' % (
            self._topic,
            record.partition,
            record.offset,
            record.after,
            received_at.encode(),
            logged_at.encode(),
        )


def request_headers(record: Record, *, rejected: bool) -> list[tuple[str, bytes | None]]:
    """What goes along: the trace of a message; all headers of a record that becomes a dead letter."""
    return _kept(record.headers, all_of_them=rejected)


def _kept(headers: Headers, *, all_of_them: bool) -> list[tuple[str, bytes | None]]:
    return [(name, value) for name, value in headers if all_of_them or name in _TRACE]
