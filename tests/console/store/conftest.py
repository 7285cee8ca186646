"""A store of a test's own on the real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from console.store.database import Database, sqlite_url
from console.store.migrate import migrate
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.console.store.store_rig import Rig

RigFactory = Callable[..., Rig]


@pytest.fixture
def make_rig(kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path, request: pytest.FixtureRequest) -> RigFactory:
    """Keywords: `partitions` (3), `kind` of database (sqlite), or the `url` of one."""

    def make(partitions: int = 3, kind: str = "sqlite", url: URL | None = None) -> Rig:
        if kind == "postgresql":
            url = request.getfixturevalue("postgres").new_database()
        url = url or sqlite_url(tmp_path / "events.db")
        database = Database(url)
        migrate(database)
        database.close()
        return Rig(kafka.bootstrap_servers, topics(partitions), url, tmp_path / "store.log")

    return make
