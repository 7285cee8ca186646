"""A console over a file of SQLite with events of two tenants, and over an empty one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
from tests.console.api.rig import Rig, came_true, conversation_events, people_labels


@pytest.fixture
def new_database(tmp_path: Path) -> Iterator[Database]:
    """SQLite, nothing in it."""
    yield from new_store(tmp_path / "events.db")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Rig]:
    """Nothing in the store."""
    for one in new_store(tmp_path / "empty.db"):
        yield Rig(one)


@pytest.fixture
def rig(new_database: Database) -> Rig:
    """With 120 events, what people say of some, and alerts."""
    return _filled(new_database)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The same for all tests of a module that change nothing."""
    for one in new_store(tmp_path_factory.mktemp("shared") / "events.db"):
        yield _filled(one)


def _filled(database: Database) -> Rig:
    made = Rig(database)
    events = conversation_events()
    made.filler.write(*events)
    made.filler.write(*people_labels(events))
    came_true(database)
    return made


def new_store(path: Path) -> Iterator[Database]:
    """A file of SQLite with all tables."""
    made = Database(sqlite_url(path))
    migrate(made)
    yield made
    made.close()
