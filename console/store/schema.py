"""All tables together."""

from typing import Final

from sqlalchemy import MetaData

from console.store import access_tables, progress_tables, watch_tables
from console.store.tables import Base

#: Importing the modules is what puts their tables in.
TABLE_MODULES: Final = (access_tables, progress_tables, watch_tables)
METADATA: Final[MetaData] = Base.metadata
