"""Databases for the console's tests: a file of SQLite each, and a PostgreSQL of our own where it is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
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


@pytest.fixture
def database(empty_database: Database) -> Database:
    """With all tables, and nothing in them."""
    migrate(empty_database)
    return empty_database
