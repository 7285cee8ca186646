"""The store as a process: its health and metrics on a port of its own, and the alerts' rules beside it."""

import threading
from collections.abc import Sequence

from console.alerts.running import running_alerts
from console.settings import StoreSettings
from console.store.errors import StoreError
from console.store.events import Observer
from console.store.faultpoints import FaultPoints
from console.store.service import StoreService
from schemas.health_server import HealthServer, loop_health


def run_store(
    settings: StoreSettings,
    asked: threading.Event,
    observers: Sequence[Observer] = (),
    faults: FaultPoints | None = None,
) -> None:
    """Follow the topics until the event is set.

    Raises:
        StoreError: the settings or the database do not fit.
        RulesError: the alerts' rules do not.
    """
    with running_alerts(settings) as rules:
        service = StoreService(settings, [*observers, *rules], faults, asked)
        health = _health(settings, service)
        try:
            service.run()
        finally:
            if health is not None:
                health.stop()


def _health(settings: StoreSettings, service: StoreService) -> HealthServer | None:
    if not settings.store_metrics_port:
        return None
    host, port = settings.store_metrics_host, settings.store_metrics_port
    try:
        server = HealthServer(host, port, lambda: loop_health(service.turned_at, f"{service.state}, last turn"))
    except OSError as error:
        raise StoreError(
            f"{host}:{port} cannot be bound for /metrics ({error}): set STORE_METRICS_PORT to a free port, or 0"
        ) from error
    server.start()
    return server
