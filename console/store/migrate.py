"""Brings a database to the tables that this version knows. Several processes may try at once."""

from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from console.store.database import Database
from console.store.errors import StoreError

log = structlog.get_logger()

_FOLDER: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Take the steps that are missing, all in one transaction.

    Raises:
        StoreError: the database is of a newer version than this program.
    """
    with database.writing() as connection:
        before, newest = version(connection), newest_version()
        if before == newest:
            return
        if before is not None and before not in _known():
            raise StoreError(
                f"the event store has version {before} of the tables, which this program does not know: upgrade "
                "sentistream, or give it another database (STORE_DATABASE, STORE_DATABASE_URL)"
            )
        command.upgrade(config(connection), "head")
    log.info("store_migrated", before=before, after=newest)


def version(connection: Connection) -> str | None:
    """The last step that was taken; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """The last step there is."""
    head = _scripts().get_current_head()
    if head is None:
        raise StoreError(f"the migrations are missing from {_FOLDER}: install sentistream again")
    return head


def config(connection: Connection) -> Config:
    """For Alembic's commands."""
    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def _known() -> set[str]:
    return {one.revision for one in _scripts().walk_revisions()}
