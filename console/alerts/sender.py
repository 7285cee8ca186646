"""A thread that tells webhooks what came true, and tries again for as long as that takes."""

import threading
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import httpx
import structlog

from console.alerts import metrics, outbox
from console.alerts.errors import WebhookError
from console.alerts.request import post
from console.alerts.settings import AlertSettings
from console.alerts.webhook import Webhook
from console.store.database import Database

log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 600.0
_DOUBLINGS: Final = 10
#: What another process wrote into the outbox is found this soon.
_LOOK_S: Final = 1.0
#: Beyond a request's own time-out, for the database before and after it.
_HOLD_S: Final = 20.0
_STOP_S: Final = 5.0


class WebhookSender:
    """Empties the outbox.

    Args:
        database: of the store.
        webhooks: by name.
        settings: time-out, and when to give up.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        webhooks: Mapping[str, Webhook],
        settings: AlertSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._settings = settings
        self._clock = clock
        self._jitter = Random()
        #: Webhooks that did not answer, until when: one of them must not hold up the others.
        self._resting: dict[str, int] = {}
        self._stop = threading.Event()
        # A daemon: a receiver that never answers must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._client = httpx.Client(timeout=settings.alert_timeout_seconds, follow_redirects=False)

    def start(self) -> None:
        """Begin, if there is anybody to tell."""
        if self._webhooks:
            self._thread.start()

    def stop(self) -> None:
        """End after the request at hand, within seconds; what is not sent stays in the outbox."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._client.close()

    def send_due(self) -> int:
        """Make the requests that are due, one after another; says how many were taken."""
        taken = 0
        while not self._stop.is_set():
            hold_ms = round((self._settings.alert_timeout_seconds + _HOLD_S) * 1000)
            now_ms = self._now_ms()
            resting = [name for name, until_ms in self._resting.items() if until_ms > now_ms]
            claimed = outbox.claim(self._database, now_ms, hold_ms, without=resting)
            if claimed is None:
                break
            taken += self._send(claimed)
        return taken

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                self.send_due()
                metrics.WAITING.set(outbox.pending(self._database))
            except Exception as error:  # noqa: BLE001 -- away, locked, or without tables yet: the outbox keeps it all
                log.warning("webhooks_wait", error=type(error).__name__)

    def _send(self, claimed: outbox.Claimed) -> bool:
        try:
            post(self._client, self._webhook(claimed.webhook), claimed, self._clock())
        except WebhookError as error:
            self._failed(claimed, error)
            return False
        outbox.sent(self._database, claimed.id, self._now_ms())
        metrics.DELIVERIES.labels("taken").inc()
        log.info("webhook_told", webhook=claimed.webhook, key=claimed.occurrence["occurrence_key"])
        return True

    def _webhook(self, name: str) -> Webhook:
        if name not in self._webhooks:
            raise WebhookError("the rules' file has no webhook of this name any more")
        return self._webhooks[name]

    def _failed(self, claimed: outbox.Claimed, error: WebhookError) -> None:
        now_ms = self._now_ms()
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(claimed.attempts - 1, _DOUBLINGS), _LONGEST_PAUSE_S)
        pause_s *= self._jitter.uniform(0.5, 1.5)
        next_ms: int | None = now_ms + round(max(pause_s, error.retry_after_s) * 1000)
        self._resting[claimed.webhook] = next_ms or 0
        age_ms = now_ms - claimed.occurrence["created_ms"]
        if age_ms > self._settings.alert_give_up_hours * 3_600_000:
            next_ms = None
        outbox.failed(self._database, claimed.id, str(error), next_ms)
        metrics.DELIVERIES.labels("failed" if next_ms else "given_up").inc()
        log.warning(
            "webhook_failed",
            webhook=claimed.webhook,
            key=claimed.occurrence["occurrence_key"],
            attempts=claimed.attempts,
            error=str(error),
            given_up=next_ms is None,
        )

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)
