"""SQLite for most; what the databases may do differently is tried on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    yield from _made(sqlite_url(tmp_path / "events.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    on_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path / "events.db") if on_sqlite else request.getfixturevalue("postgres").new_database()
    yield from _made(url)


def _made(url: URL) -> Iterator[Database]:
    made = Database(url)
    migrate(made)
    yield made
    made.close()
