"""Tables of the writer's own: how far it has read, who may write, what is to stay forgotten."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from console.store.tables import Base


class Progress(Base):
    """How far a partition has been read. Written in the transaction of its rows: the database is the truth.

    Attributes:
        topic_id: Kafka's; another one under the same name begins at 0 again.
        next_offset: to be read next.
        record_ms: when Kafka wrote the last record that was taken.
    """

    __tablename__ = "progress"

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    topic_id: Mapped[str]
    next_offset: Mapped[int]
    record_ms: Mapped[int | None]
    updated_ms: Mapped[int]


class Lease(Base):
    """Who may do what one process alone may do.

    Attributes:
        token: grows with each holder; whoever finds another one than its own has lost the lease.
    """

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    token: Mapped[int]
    expires_ms: Mapped[int]


class Forgotten(Base):
    """A conversation of which nothing is to be stored again. Its hash alone is kept."""

    __tablename__ = "forgotten"

    conversation_hash: Mapped[str] = mapped_column(primary_key=True)
    forgotten_ms: Mapped[int]

    __table_args__ = (Index(None, "forgotten_ms"),)
