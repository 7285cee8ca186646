"""Databases for the console's tests: a file of SQLite each, and a PostgreSQL of our own where it is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
from console.store.schema import METADATA
from tests.console.postgres import OwnPostgres, missing_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[OwnPostgres]:
    """A server for the whole run; skips where PostgreSQL is not installed."""
    if reason := missing_postgres():
        pytest.skip(reason)
    with OwnPostgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Without tables."""
    if request.param == "sqlite":
        url: URL = sqlite_url(tmp_path / "events.db")
    else:
        url = request.getfixturevalue("postgres").new_database()
    made = Database(url)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """With all tables, and nothing in them."""
    if request.param == "sqlite":
        made = Database(sqlite_url(tmp_path / "events.db"))
        migrate(made)
    else:
        made = Database(request.getfixturevalue("migrated_postgres"))
        with made.writing() as connection:
            names = ", ".join(METADATA.tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: OwnPostgres) -> URL:
    """One database for all tests, each of which empties it first: making one takes a second."""
    url = postgres.new_database()
    database = Database(url)
    migrate(database)
    database.close()
    return url
