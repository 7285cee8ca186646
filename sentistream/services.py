"""`sentistream streams` and `sentistream worker` as child processes with logs in files; never started again."""

import http.client
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from sentistream.embedded import ChildProcess
from sentistream.embedded.ports import kept_ports
from sentistream.errors import InterruptedStartError, ServiceError
from sentistream.options import environment_name
from streams.metrics import REBALANCES
from worker.metrics import PARTITIONS

_POLL_S: Final = 0.1
_TAIL_LINES: Final = 12
#: The worker gives up what is in flight after 20 s, the stream its batch after 30.
_STOP_GRACE_S: Final = 35.0


class Service:
    """One of our own commands, running beside us.

    Args:
        name: of the command.
        assigned: the metric that is above 0 once Kafka gave it partitions.
        port: of its /healthz and /metrics.
        folder: for its log.
        environment: all that it is told.
    """

    def __init__(self, name: str, assigned: str, port: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._assigned = assigned
        self.log = folder / f"{name}.log"
        self._port = port
        # Every start begins its log anew: what an error quotes is this run's.
        self.log.write_bytes(b"")
        self._child = ChildProcess([sys.executable, "-m", "sentistream", name], self.log, environment)

    @property
    def metrics(self) -> str:
        """The address of its metrics."""
        return f"http://127.0.0.1:{self._port}/metrics"

    @property
    def is_ready(self) -> bool:
        """It says of itself that it is well, and it has been given partitions."""
        return self._get("/healthz") is not None and self._has_partitions(self._get("/metrics") or "")

    def check(self) -> None:
        """ServiceError, with the end of its log, if it has ended."""
        if (status := self._child.exit_status) is not None:
            raise ServiceError(
                f"sentistream {self.name} ended with status {status}. The end of its log {self.log}:\n"
                f"{self._child.log_tail(_TAIL_LINES)}"
            )

    def stop(self) -> None:
        """Let it finish, and make it end when that takes long."""
        self._child.stop(_STOP_GRACE_S)

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()

    def _has_partitions(self, metrics: str) -> bool:
        families = text_string_to_metric_families(metrics)
        return any(sample.value > 0 for one in families if one.name == self._assigned for sample in one.samples[:1])

    def _get(self, path: str) -> str | None:
        """The answer; None unless all is well."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == http.client.OK else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Services:
    """The stream and the worker for the length of a `with` block.

    Args:
        folder: for logs and ports.
        environment: all that both are told.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._running: list[Service] = []

    def __enter__(self) -> Self:
        """Start both; neither is waited for."""
        self._folder.mkdir(parents=True, exist_ok=True)
        streams_port, worker_port = kept_ports(self._folder / "services.ports.json", 2)
        environment = {
            "LOG_FORMAT": "console",
            **self._environment,
            "STREAMS_HOST": "127.0.0.1",
            "STREAMS_PORT": str(streams_port),
            "METRICS_HOST": "127.0.0.1",
            "METRICS_PORT": str(worker_port),
        }
        try:
            # The worker first: its engine takes longest.
            for name, assigned, port in (
                ("worker", _name(PARTITIONS), worker_port),
                ("streams", _name(REBALANCES), streams_port),
            ):
                self._running.append(Service(name, assigned, port, self._folder, environment))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        self.stop()

    @property
    def metrics(self) -> dict[str, str]:
        """Addresses by name."""
        return {service.name: service.metrics for service in self._running}

    @property
    def logs(self) -> tuple[Path, ...]:
        """Where they write."""
        return tuple(service.log for service in self._running)

    def check(self) -> None:
        """ServiceError if one has ended."""
        for service in self._running:
            service.check()

    def wait_until_ready(self, name: str, deadline_s: float, interrupted: Callable[[], bool]) -> None:
        """Wait until one of them answers.

        Raises:
            ServiceError: one of both has ended, or it takes too long.
            InterruptedStartError: somebody does not want to wait.
        """
        service = next(one for one in self._running if one.name == name)
        deadline = time.monotonic() + deadline_s
        while not service.is_ready:
            self.check()
            if interrupted():
                raise InterruptedStartError(f"stopped while sentistream {name} was starting")
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"sentistream {name} was not ready within {deadline_s:.0f} s: see {service.log}, or give it longer "
                    "with --start-deadline-s"
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Ask both to end, the source of work first."""
        for service in reversed(self._running):
            service.stop()

    def kill(self) -> None:
        """End both at once."""
        for service in self._running:
            service.kill()


def environment_of(*settings: BaseSettings) -> dict[str, str]:
    """Settings as a child reads them, secrets included; what was not given is left to the child's defaults."""
    found = {}
    for one in settings:
        for name in one.model_fields_set:
            value = getattr(one, name)
            if value is not None:
                plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                found[environment_name(type(one), name)] = plain
    return found


def _name(metric: Gauge | Counter) -> str:
    return next(iter(metric.describe())).name
