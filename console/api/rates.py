"""How much one client may ask."""

import math
import time
from http import HTTPStatus
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from console.api.problems import ProblemError
from console.api.settings import ApiSettings

_MINUTE_S: Final = 60


class Rates:
    """Counts in this process; several consoles behind one address count each for itself."""

    def __init__(self, settings: ApiSettings) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(settings.console_rate)
        self._writes = RateLimitItemPerMinute(settings.console_write_rate)
        self._sign_ins = RateLimitItemPerMinute(settings.console_sign_in_rate)

    def count(self, token_id: int, *, writes: bool) -> None:
        """One request; ProblemError where it is one too many."""
        self._take(self._requests, f"request/{token_id}", "requests with this token")
        if writes:
            self._take(self._writes, f"write/{token_id}", "writing requests with this token")

    def check_sign_in(self, address: str) -> None:
        """Whether this address may still try."""
        if not self._limiter.test(self._sign_ins, f"sign-in/{address}"):
            self._refuse(self._sign_ins, f"sign-in/{address}", "failed sign-ins from this address")

    def count_failed_sign_in(self, address: str) -> None:
        """One more."""
        self._limiter.hit(self._sign_ins, f"sign-in/{address}")

    def _take(self, limit: RateLimitItemPerMinute, key: str, what: str) -> None:
        if not self._limiter.hit(limit, key):
            self._refuse(limit, key, what)

    def _refuse(self, limit: RateLimitItemPerMinute, key: str, what: str) -> None:
        stats = self._limiter.get_window_stats(limit, key)
        seconds = min(max(math.ceil(stats.reset_time - time.time()), 1), _MINUTE_S)
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limit",
            f"More than {limit.amount} {what} within a minute: wait {seconds} seconds, as Retry-After says.",
            {"Retry-After": str(seconds)},
            amount=limit.amount,
            seconds=seconds,
        )
