"""Free ports that a data folder keeps, so that its servers come back at the same addresses."""

import random
import socket
from pathlib import Path
from typing import Final

import orjson

#: Below the ranges that Linux and macOS give to outgoing connections: there, a client that retries while its server is
#: down can be given the server's own port.
_RANGE: Final = range(20_000, 32_000)
_ATTEMPTS: Final = 200


def is_free(port: int) -> bool:
    """True if a server could listen there on the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """True if somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kept_ports(file: Path, count: int) -> tuple[int, ...]:
    """The ports written in the file if all are free, else new ones, which are then written there."""
    if file.exists():
        kept = tuple(orjson.loads(file.read_bytes()))
        if len(kept) == count and all(is_free(port) for port in kept):
            return kept
    chosen = _choose(count)
    file.write_bytes(orjson.dumps(chosen))
    return chosen


def _choose(count: int) -> tuple[int, ...]:
    # Not the seeded generator of a test run: two runs on one machine would draw the same ports.
    draw = random.SystemRandom()
    chosen: list[int] = []
    for _ in range(_ATTEMPTS):
        port = draw.choice(_RANGE)
        if port not in chosen and is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return tuple(chosen)
    raise OSError(f"no {count} free ports found between {_RANGE.start} and {_RANGE.stop} on 127.0.0.1")
