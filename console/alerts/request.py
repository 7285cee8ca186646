"""One request to a webhook, signed as Standard Webhooks has it (https://www.standardwebhooks.com), and its answer."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson

from console.alerts.errors import WebhookError
from console.alerts.evaluation import DEFINITION
from console.alerts.outbox import Claimed
from console.alerts.webhook import Webhook

_SCHEMA_VERSION: Final = "1.0"
_SENT: Final = (
    "rule",
    "severity",
    "title",
    "tenant",
    "conversation_id",
    "speaker",
    "event_id",
    "value",
    "threshold",
)
#: What such a secret begins with says that base64 follows.
_CODED: Final = "whsec_"
#: A receiver may ask to be left alone for so long, at most.
_LONGEST_WAIT_S: Final = 3_600.0


def post(client: httpx.Client, webhook: Webhook, claimed: Claimed, now_s: float) -> None:
    """Tell a webhook of an occurrence; returns once it has said that it took it.

    Raises:
        WebhookError: it did not, or the rules' file names a secret or address that is not there.
    """
    body = payload(claimed, with_text=webhook.text)
    headers = signed_headers(claimed.occurrence["occurrence_key"], body, webhook.secret, round(now_s))
    try:
        answer = client.post(webhook.address, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Its words may show the address, which may be a secret.
        raise WebhookError(f"no answer: {type(error).__name__}") from None
    if not answer.is_success:
        raise WebhookError(f"HTTP {answer.status_code}", _wait_s(answer))


def payload(claimed: Claimed, *, with_text: bool) -> bytes:
    """The occurrence as JSON; the text of a message only where that is asked for."""
    one = claimed.occurrence
    facts: dict[str, Any] = {
        "schema_version": _SCHEMA_VERSION,
        "occurrence_key": one["occurrence_key"],
        **{name: one[name] for name in _SENT},
        "facts": {name: value for name, value in one["facts"].items() if name != DEFINITION},
        "occurred_at": _iso(one["seen_ms"]),
        "noticed_at": _iso(one["created_ms"]),
    }
    if with_text:
        facts["text"] = claimed.text
    return orjson.dumps(facts)


def signed_headers(key: str, body: bytes, secret: str, now_s: int) -> dict[str, str]:
    """What goes along: the key by which a repetition is known, and who speaks, and when."""
    signed = b".".join((key.encode(), str(now_s).encode(), body))
    digest = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "user-agent": "sentistream",
        "idempotency-key": key,
        "webhook-id": key,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _secret_bytes(secret: str) -> bytes:
    if not secret.startswith(_CODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_CODED), validate=True)
    except binascii.Error:
        raise WebhookError("the secret begins with whsec_, and what follows is no base64") from None


def _wait_s(answer: httpx.Response) -> float:
    headers: Mapping[str, str] = answer.headers
    asked = headers.get("retry-after", "")
    return min(float(asked), _LONGEST_WAIT_S) if asked.isascii() and asked.isdigit() else 0.0


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
