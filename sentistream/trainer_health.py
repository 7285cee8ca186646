"""`/healthz` and `/metrics` of the trainer's services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from schemas.health_server import HealthServer, loop_health
from trainer.errors import MisconfiguredError


@contextmanager
def trainer_health(setting: str, host: str, port: int, turned_at: Callable[[], float | None]) -> Iterator[None]:
    """Answers for the length of the block; port 0 for none.

    Args:
        setting: what names the port, for whom it is taken.
        host: to bind.
        port: to bind.
        turned_at: when the service's loop last turned.

    Raises:
        MisconfiguredError: the port cannot be bound.
    """
    if not port:
        yield
        return
    try:
        server = HealthServer(host, port, lambda: loop_health(turned_at()))
    except OSError as error:
        raise MisconfiguredError(
            f"{host}:{port} cannot be bound for /metrics ({error}): set {setting} to a free port, or 0"
        ) from error
    server.start()
    try:
        yield
    finally:
        server.stop()
