"""The platform's messages, published at a steady rate from a thread, and their events as they come."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Final, Self

from schemas.codec import encode
from schemas.event import EmotionEvent
from sentistream.errors import SentistreamError
from sentistream.loop_demo.platform import PlatformConversation
from sentistream.publisher import Outbound, Place, Publisher
from sentistream.watcher import Watcher

_POLL_S: Final = 0.05
#: Conversations that go on at once, as on a real platform.
_AT_ONCE: Final = 8


class Traffic:
    """Publishes conversations for the length of a ``with`` block.

    Args:
        conversations: in their order.
        publisher: to ``chat.messages``.
        watcher: of the events.

    Attributes:
        rate: messages a second; may be changed at any time.
        sent: places of all messages, by message id.
        events: by message id, the first of each.
    """

    def __init__(
        self, conversations: Sequence[PlatformConversation], publisher: Publisher, watcher: Watcher, rate: float
    ) -> None:
        self.rate = rate
        self.sent: dict[str, Place] = {}
        self.events: dict[str, EmotionEvent] = {}
        self._conversations = conversations
        self._publisher = publisher
        self._watcher = watcher
        self._ending = threading.Event()
        self._error: BaseException | None = None
        self._published = 0
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("platform", self._publish), ("dashboard", self._watch))
        ]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once, finished or not."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def check(self) -> None:
        """SentistreamError if one of the threads has failed."""
        if self._error is not None:
            raise SentistreamError(f"the demo's traffic ended: {self._error}") from self._error

    def finish(self) -> None:
        """Publish no more; events are still watched for."""
        self.rate = 0.0
        self._publisher.flush()

    @property
    def missing(self) -> int:
        """Messages without an event so far."""
        return len(self.sent) - len(self.events)

    @property
    def published(self) -> int:
        """Messages so far."""
        return self._published

    def latest(self) -> EmotionEvent | None:
        """The event that was decided last."""
        return max(list(self.events.values()), key=lambda one: one.times.decided_at, default=None)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by `check`, on the main thread
            self._error = error
            self._ending.set()

    def _publish(self) -> None:
        due = time.monotonic()
        for first in range(0, len(self._conversations), _AT_ONCE):
            together = [one.messages() for one in self._conversations[first : first + _AT_ONCE]]
            for messages in zip(*together, strict=True):
                for message in messages:
                    while self.rate <= 0 or time.monotonic() < due:
                        if self._ending.wait(_POLL_S if self.rate <= 0 else max(due - time.monotonic(), 0)):
                            return
                    due = max(due + 1 / self.rate, time.monotonic() - 1)
                    self._publisher.publish(
                        Outbound(message.conversation_id.encode(), encode(message)),
                        partial(self.sent.__setitem__, message.message_id),
                    )
                    self._published += 1
                    self._publisher.poll()
        raise SentistreamError("all conversations were published: take fewer steps or a lower rate")

    def _watch(self) -> None:
        while not self._ending.is_set():
            for seen in self._watcher.poll(_POLL_S):
                if seen.event is not None:
                    self.events.setdefault(seen.event.message_id, seen.event)
