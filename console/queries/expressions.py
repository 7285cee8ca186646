"""Short names for SQLAlchemy's types."""

from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Row, SQLColumnExpression

#: A table's column, or something computed of some.
Column: TypeAlias = SQLColumnExpression[Any]
Condition: TypeAlias = ColumnElement[bool]
#: A row of whatever was selected.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
