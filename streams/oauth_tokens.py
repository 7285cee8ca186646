"""Tokens for aiokafka, which fetches none by itself: client credentials, as librdkafka asks for them."""

import asyncio
import ssl
import threading
import time
from typing import Any, Final

import httpx
import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from schemas.connections import KafkaSettings

log = structlog.get_logger()

_TIMEOUT_S: Final = 10.0
#: A token is used for this share of its life; librdkafka does the same.
_SHARE: Final = 0.8
#: Where the endpoint does not say how long a token lives.
_LIFE_S: Final = 300.0
_REFUSED: Final = range(400, 500)


class ClientCredentials(AbstractTokenProvider):
    """One token for all of a process's connections, fetched again before it runs out.

    faust has connections on two event loops, in two threads: hence a lock of threads, and a blocking call beside them.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """A token that lives on for a while.

        Raises:
            SaslAuthenticationFailed: the endpoint refuses us.
            KafkaConnectionError: it is away; aiokafka tries again.
        """
        return await asyncio.to_thread(self._current)

    def _current(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                asked = time.monotonic()
                answer = self._fetch()
                life = float(answer.get("expires_in") or _LIFE_S)
                self._token, self._until = str(answer["access_token"]), asked + _SHARE * life
                log.info("oauth_token_fetched", lives_s=life)
            return self._token

    def _fetch(self) -> dict[str, Any]:
        given = self._settings
        form = {"grant_type": "client_credentials"} | (
            {"scope": given.kafka_oauth_scope} if given.kafka_oauth_scope else {}
        )
        url = given.kafka_oauth_token_url or ""
        secret = given.secret("kafka_oauth_client_secret") or ""
        try:
            answer = httpx.post(
                url,
                data=form,
                auth=(given.kafka_oauth_client_id or "", secret),
                timeout=_TIMEOUT_S,
                verify=ssl.create_default_context(cafile=given.kafka_oauth_ssl_ca),
            )
        except httpx.HTTPError as error:
            raise KafkaConnectionError(f"no token from {url}: {type(error).__name__}: {error}") from error
        if answer.status_code in _REFUSED:
            raise SaslAuthenticationFailed(
                f"{url} refuses a token ({answer.status_code}). Check KAFKA_OAUTH_CLIENT_ID, "
                "KAFKA_OAUTH_CLIENT_SECRET and KAFKA_OAUTH_SCOPE"
            )
        try:
            found: dict[str, Any] = answer.raise_for_status().json()
            return {"access_token": found["access_token"], "expires_in": found.get("expires_in")}
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            # What it sent may hold a token: only the kind of error is told.
            raise KafkaConnectionError(f"{url} did not answer with a token: {type(error).__name__}") from None
