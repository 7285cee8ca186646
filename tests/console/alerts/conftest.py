"""SQLite for most; what the databases may do differently is tried on both."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With all tables; to be copied, since making them takes longer than a test."""
    file = tmp_path_factory.mktemp("migrated") / "events.db"
    made = Database(sqlite_url(file))
    migrate(made)
    made.close()
    return file


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    made = Database(sqlite_url(Path(shutil.copy(migrated_file, tmp_path / "events.db"))))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    made = Database(request.getfixturevalue("postgres").new_database())
    migrate(made)
    yield made
    made.close()
