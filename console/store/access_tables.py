"""Who may ask the API: tokens, one-time links, and the sessions that browsers have. Only hashes are kept."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from console.store.tables import NEVER_AGAIN, Base, Id


class AccessToken(Base):
    """A secret that somebody holds.

    Attributes:
        kind: ``token`` for programs and for signing in; ``link`` is good for one sign-in; ``session`` is a browser's.
        name: stands at the labels of its holder; the same person may have several.
        role: ``viewer``, ``reviewer`` or ``operator``.
        tenant: the only one that it sees; None sees all.
        secret_hash: SHA-256, in hexadecimal.
        parent_id: of the token or link that a session was made from: it ends with it.
        used_ms: when a link was used; links are good for once.
    """

    __tablename__ = "access_tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kind: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    tenant: Mapped[str | None]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[int | None]
    created_ms: Mapped[int]
    expires_ms: Mapped[int | None]
    used_ms: Mapped[int | None]
    revoked_ms: Mapped[int | None]

    __table_args__ = (Index(None, "kind", "name"), Index(None, "parent_id"), NEVER_AGAIN)
