"""One process writes; others stand by and take over when it ends or falls silent.

Each transaction of the writer renews the lease, so a writer that slept through its time finds another's token there,
and nothing of its transaction is kept.
"""

import os
import secrets
import socket
import time
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select, update

from console.store.database import Database
from console.store.errors import LeaseLostError
from console.store.progress_tables import Lease
from console.store.upsert import replace, table_of

_NAME: Final = "writer"


class WriterLease:
    """This process's claim.

    Args:
        database: that holds it.
        seconds: a holder that is silent for longer makes room.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._ms = round(seconds * 1000)
        self._holder = f"{_this_machine()}|{os.getpid()}|{secrets.token_hex(4)}"
        self._token: int | None = None

    @property
    def every_s(self) -> float:
        """How often to renew it, or to ask for it."""
        return self._ms / 3000

    def take(self) -> bool:
        """Hold it from now on, unless another does."""
        table = table_of(Lease)
        with self._database.writing() as connection:
            now = now_ms(connection)
            found = connection.execute(select(table).where(table.c.name == _NAME)).mappings().first()
            if found and found["expires_ms"] > now and not _is_dead(found["holder"]):
                return False
            token = found["token"] + 1 if found else 1
            row = {"name": _NAME, "holder": self._holder, "token": token, "expires_ms": now + self._ms}
            replace(connection, Lease, [row])
        self._token = token
        return True

    def renew(self, connection: Connection) -> None:
        """Hold it for longer, in the transaction of what is written under it.

        Raises:
            LeaseLostError: another has it.
        """
        table = table_of(Lease)
        mine = update(table).where(table.c.name == _NAME, table.c.token == self._token)
        if not connection.execute(mine.values(expires_ms=now_ms(connection) + self._ms)).rowcount:
            raise LeaseLostError("another process writes to the event store now; this one stands by")

    def give_back(self) -> None:
        """Let another have it at once."""
        table = table_of(Lease)
        with self._database.writing() as connection:
            mine = update(table).where(table.c.name == _NAME, table.c.token == self._token)
            connection.execute(mine.values(expires_ms=0))
        self._token = None


def now_ms(connection: Connection) -> int:
    """By the database's clock, which all processes share."""
    if connection.dialect.name == "sqlite":
        return round(time.time() * 1000)
    return round(float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()) * 1000)


def _this_machine() -> str:
    # Containers may share a host's name, and all number their processes from 1.
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}|{namespace.readlink() if namespace.is_symlink() else ''}"


def _is_dead(holder: str) -> bool:
    """It ran on this machine and has ended; False where that cannot be known."""
    host, _, rest = holder.rpartition("|")[0].rpartition("|")
    if host != _this_machine() or not rest.isdigit() or int(rest) == os.getpid():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
