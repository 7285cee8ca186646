"""All tables together."""

from typing import Final

from sqlalchemy import MetaData

from console.store import progress_tables, watch_tables
from console.store.tables import Base

#: Importing the modules is what puts their tables in.
TABLE_MODULES: Final = (progress_tables, watch_tables)
METADATA: Final[MetaData] = Base.metadata
