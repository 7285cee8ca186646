"""Tokens in the store: made, looked up, revoked. The secret itself is shown once and never kept."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, insert, or_, select, update

from console.access.holder import Holder, Kind
from console.api.models.access import Role
from console.errors import ConsoleError
from console.queries.expressions import AnyRow
from console.store.access_tables import AccessToken
from console.store.database import Database

#: So that a secret that turns up somewhere is known for one of ours.
_PREFIX: Final[dict[Kind, str]] = {"token": "st_", "link": "once_", "session": "s_"}
#: 256 bits.
_BYTES: Final = 32
LINK_LIFE: Final = timedelta(days=1)


class TokenError(ConsoleError):
    """A token cannot be made or found."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token without its secret.

    Attributes:
        state: ``good``, ``expired`` or ``revoked``.
    """

    name: str
    role: Role
    tenant: str | None
    created_at: datetime
    expires_at: datetime | None
    state: str


class Tokens:
    """All methods block on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, role: Role, tenant: str | None, life: timedelta | None) -> str:
        """A new token's secret.

        Args:
            name: stands at the labels of its holder.
            role: what it may do.
            tenant: the only one it sees; None sees all.
            life: None does not expire.

        Raises:
            TokenError: there is a good one of this name.
        """
        if any(one.name == name and one.state == "good" for one in self.all()):
            raise TokenError(f"there is a token {name!r} already: revoke it first, or take another name")
        return self._make("token", name, role, tenant, life, None)

    def create_link(self, name: str, role: Role) -> str:
        """The secret of a link that is good for one sign-in, for all tenants."""
        return self._make("link", name, role, None, LINK_LIFE, None)

    def holder(self, secret: str, *kinds: Kind) -> Holder | None:
        """Whoever holds this secret; None unless it is of one of these kinds, and good."""
        with self._database.reading() as connection:
            found = connection.execute(
                select(AccessToken.__table__).where(
                    AccessToken.secret_hash == _hash(secret), AccessToken.kind.in_(kinds), *_good()
                )
            ).one_or_none()
            if found is None:
                return None
            if found.parent_id is not None and not connection.execute(_is_revoked_not(found.parent_id)).first():
                return None
        return _holder(found)

    def is_good(self, holder: Holder) -> bool:
        """Whether it is still so, for answers that take long."""
        with self._database.reading() as connection:
            found = connection.execute(
                select(AccessToken.parent_id).where(AccessToken.id == holder.token_id, *_good())
            ).first()
            return found is not None and (
                found.parent_id is None or connection.execute(_is_revoked_not(found.parent_id)).first() is not None
            )

    def start_session(self, secret: str, life: timedelta) -> tuple[str, Holder] | None:
        """A session for a token or an unused link; None where it is neither. A link is used up by it."""
        holder = self.holder(secret, "token", "link")
        if holder is None:
            return None
        if holder.kind == "link" and not self._use_up(holder):
            return None
        if holder.kind == "token" and holder.expires_at is not None:
            life = min(life, holder.expires_at - datetime.now(UTC))
        made = self._make("session", holder.name, holder.role, holder.tenant, life, holder.token_id)
        session = self.holder(made, "session")
        return None if session is None else (made, session)

    def end(self, holder: Holder) -> None:
        """Sign out."""
        self._revoke(AccessToken.id == holder.token_id)

    def revoke(self, name: str) -> int:
        """End the tokens and links of this name and their sessions; how many tokens there were.

        Raises:
            TokenError: there is none that is good.
        """
        count = self._revoke(AccessToken.name == name)
        if not count:
            raise TokenError(f"no token {name!r} to revoke: `sentistream console token list` shows all")
        return count

    def all(self) -> list[TokenFacts]:
        """Every token, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(AccessToken.__table__).where(AccessToken.kind == "token").order_by(AccessToken.id)
            ).all()
        return [_facts(row) for row in rows]

    def any_good(self) -> bool:
        """Whether somebody could sign in with a token."""
        return any(one.state == "good" for one in self.all())

    def _use_up(self, link: Holder) -> bool:
        """Of several who try at once, one succeeds."""
        with self._database.writing() as connection:
            done = connection.execute(
                update(AccessToken)
                .where(AccessToken.id == link.token_id, AccessToken.used_ms.is_(None))
                .values(used_ms=_now_ms())
            )
            return bool(done.rowcount == 1)

    def _revoke(self, which: Any) -> int:
        with self._database.writing() as connection:
            done = connection.execute(
                update(AccessToken).where(which, AccessToken.revoked_ms.is_(None)).values(revoked_ms=_now_ms())
            )
            return int(done.rowcount)

    def _make(
        self, kind: Kind, name: str, role: Role, tenant: str | None, life: timedelta | None, parent: int | None
    ) -> str:
        secret = _PREFIX[kind] + secrets.token_urlsafe(_BYTES)
        now = _now_ms()
        with self._database.writing() as connection:
            connection.execute(
                insert(AccessToken).values(
                    kind=kind,
                    name=name,
                    role=role,
                    tenant=tenant,
                    secret_hash=_hash(secret),
                    parent_id=parent,
                    created_ms=now,
                    expires_ms=None if life is None else now + int(life.total_seconds() * 1000),
                )
            )
        return secret


def _good() -> tuple[Any, ...]:
    return (
        AccessToken.revoked_ms.is_(None),
        AccessToken.used_ms.is_(None),
        or_(AccessToken.expires_ms.is_(None), AccessToken.expires_ms > _now_ms()),
    )


def _is_revoked_not(token_id: int) -> Any:
    """A session outlives the link that it came from, which is used up, but no revocation."""
    return select(func.count()).where(AccessToken.id == token_id, AccessToken.revoked_ms.is_(None)).having(
        func.count() > 0
    )  # fmt: skip


def _holder(row: AnyRow) -> Holder:
    return Holder(
        token_id=row.id, kind=row.kind, name=row.name, role=row.role, tenant=row.tenant,
        expires_at=_time(row.expires_ms),
    )  # fmt: skip


def _facts(row: AnyRow) -> TokenFacts:
    expired = row.expires_ms is not None and row.expires_ms <= _now_ms()
    return TokenFacts(
        name=row.name,
        role=row.role,
        tenant=row.tenant,
        created_at=datetime.fromtimestamp(row.created_ms / 1000, UTC),
        expires_at=_time(row.expires_ms),
        state="revoked" if row.revoked_ms is not None else "expired" if expired else "good",
    )


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _hash(secret: str) -> str:
    # No salt and no slow hash: the secret is random and long, not a password.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _now_ms() -> int:
    return int(time.time() * 1000)
