"""The steps lead to the tables that the code knows, on both databases."""

import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import inspect, text

from console.settings import DatabaseSettings
from console.store.database import Database, database_url, sqlite_url
from console.store.errors import StoreError
from console.store.migrate import migrate, newest_version, version
from console.store.schema import METADATA


def test_the_steps_lead_to_the_tables(empty_database: Database) -> None:
    migrate(empty_database)
    with empty_database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert version(connection) == newest_version()
        assert set(METADATA.tables) < set(inspect(connection).get_table_names())


def test_a_second_time_changes_nothing(empty_database: Database) -> None:
    migrate(empty_database)
    migrate(empty_database)


def test_a_newer_database_is_refused(empty_database: Database) -> None:
    migrate(empty_database)
    with empty_database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"version 9999.*upgrade sentistream"):
        migrate(empty_database)


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.db"
    database = Database(sqlite_url(path))
    migrate(database)
    with database.reading():
        rights = {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    database.close()
    assert rights == {0o600}


def test_a_password_is_in_no_error() -> None:
    for url, wrong in (("mysql://me:hunter2@host/name", "names mysql"), ("::hunter2", "is no URL")):
        with pytest.raises(StoreError, match=wrong) as caught:
            database_url(DatabaseSettings(store_database_url=SecretStr(url)))
        assert "hunter2" not in str(caught.value)


def test_postgresql_goes_by_its_usual_url() -> None:
    url = database_url(DatabaseSettings(store_database_url=SecretStr("postgresql://me:pw@host:5433/name")))
    assert (url.drivername, url.host, url.port, url.database) == ("postgresql+pg8000", "host", 5433, "name")
