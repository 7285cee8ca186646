"""Whoever asks: the holder of a token, and what it may do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from console.api.models.access import Role

Kind = Literal["token", "link", "session"]

_RANK: Final[dict[Role, int]] = {"viewer": 0, "reviewer": 1, "operator": 2}


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a token that is good now.

    Attributes:
        token_id: of the row; a session's is its own.
        tenant: the only one it sees; None sees all.
    """

    token_id: int
    kind: Kind
    name: str
    role: Role
    tenant: str | None
    expires_at: datetime | None

    def is_at_least(self, role: Role) -> bool:
        """It has this role or a higher one."""
        return _RANK[self.role] >= _RANK[role]
