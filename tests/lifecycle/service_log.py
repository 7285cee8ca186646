"""What a service says of itself since its last start, and how it ended."""

import json
from typing import Any

from tests.faults.pipeline import DEADLINE_S, Service


def ended(service: Service) -> tuple[str, int]:
    """Once it has: why, as its log names it, and its exit status."""
    assert service.process is not None
    status = service.process.wait(DEADLINE_S)
    last = [one for one in _lines(service) if one["event"] in {"streams_failed", "worker_stopped"}][-1]
    return last.get("kind") or last["exit_code"], status


def lines(service: Service, event: str) -> list[dict[str, Any]]:
    """All of one event."""
    return [one for one in _lines(service) if one["event"] == event]


def _lines(service: Service) -> list[dict[str, Any]]:
    written = service.log.read_text()[service.started_at :]
    return [json.loads(line) for line in written.splitlines() if line.startswith("{")]
