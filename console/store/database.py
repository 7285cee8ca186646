"""The database: SQLite in a file with a write-ahead log, or PostgreSQL. Readers never wait for the writer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from console.settings import DatabaseSettings
from console.store.errors import StoreError, StoreUnavailableError

#: What may pass by waiting: locked, away, shutting down.
UNAVAILABLE: Final = (OperationalError, InterfaceError, StoreUnavailableError)

_BUSY_S: Final = 10.0
_CACHE_KIB: Final = 65_536
_MAPPED_BYTES: Final = 1 << 30
#: What stays of the write-ahead log after a checkpoint.
_LOG_BYTES: Final = 64 << 20
_CONNECT_S: Final = 10
_WRITES: Final = "store_writes"
#: Of PostgreSQL: shutting down, starting, too many connections, a conflict, a lock that was not free.
_PASSING_CODES: Final = ("57P0", "53", "40", "55P03", "08")
_POSTGRESQL: Final = "postgresql+pg8000"
#: Any number that nobody else takes for an advisory lock of this database.
_ONE_WRITER: Final = text("SELECT pg_advisory_xact_lock(7331190422)")


class Database:
    """Connections to the event store, for threads to share.

    Args:
        url: of SQLite (``sqlite:///file``) or PostgreSQL.
        readers: connections that may be open at once.
    """

    def __init__(self, url: URL, readers: int = 8) -> None:
        self.engine = _engine(url, readers)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database for the length of the block."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block, and not at all where it raises.

        No two of them run at once, in whatever process: what one has read stays so until it has written.
        """
        with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(_ONE_WRITER)
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def database_url(settings: DatabaseSettings) -> URL:
    """Where the settings say that the events are.

    Raises:
        StoreError: the URL is none, or of a database that is not supported.
    """
    given = settings.secret("store_database_url")
    if not given:
        return sqlite_url(settings.store_database)
    try:
        url = make_url(given)
    except ArgumentError:
        # The text would show a password.
        raise StoreError("STORE_DATABASE_URL is no URL: write postgresql://user:password@host:5432/name") from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername=_POSTGRESQL)
    if url.get_backend_name() == "sqlite":
        return url
    raise StoreError(
        f"STORE_DATABASE_URL names {url.get_backend_name()}, which the event store does not know: use postgresql, or "
        "STORE_DATABASE for a file of SQLite"
    )


def sqlite_url(path: Path) -> URL:
    """A file of SQLite."""
    return URL.create("sqlite", database=str(path.expanduser()))


def _engine(url: URL, readers: int) -> Engine:
    common: dict[str, Any] = {
        "pool_size": readers,
        "max_overflow": readers,
        "pool_pre_ping": True,
        # An error shall not show what people said.
        "hide_parameters": True,
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **common, connect_args={"timeout": _CONNECT_S}, pool_recycle=1800)
    if not url.database or url.database == ":memory:":
        raise StoreError("the event store needs a file of SQLite: set STORE_DATABASE to its path")
    _make_private(Path(url.database))
    engine = create_engine(url, **common, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """People's talk is in it: nobody but its owner reads the file; SQLite's files beside it get the same rights."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"the event store {path} cannot be opened: {error.strerror}. See STORE_DATABASE") from error


def _set_up_sqlite(connection: Any, _: object) -> None:
    # Our own BEGIN: the driver's begins no transaction for what only reads, and too late for what writes.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        # Durable against a kill of the process; after a loss of power the last transactions are read from Kafka
        # again, for their offsets are lost with their rows.
        "synchronous = NORMAL",
        "foreign_keys = ON",
        # What is deleted, people's talk, is overwritten.
        "secure_delete = ON",
        f"cache_size = -{_CACHE_KIB}",
        f"mmap_size = {_MAPPED_BYTES}",
        f"journal_size_limit = {_LOG_BYTES}",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and then writes fails where another has written meanwhile.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_passing(error: BaseException) -> bool:
    """Whether waiting may mend it: the database is locked, away, or starting; not that something does not fit it."""
    if isinstance(error, StoreUnavailableError):
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, (ConnectionError, TimeoutError))
    if error.connection_invalidated or isinstance(error, UNAVAILABLE):
        return True
    # Not the text, which may quote what somebody typed.
    facts = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return isinstance(facts, dict) and str(facts.get("C", "")).startswith(_PASSING_CODES)
