"""Who asks: from a request's token or cookie to what it may do."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from console.access.holder import Holder
from console.api.context import Asker, Parts
from console.api.models.access import Role
from console.api.problems import ProblemError

COOKIE: Final = "sentistream_session"
#: A page of another origin cannot set it without asking first, which is not granted.
WRITE_HEADER: Final = "x-requested-with"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(auto_error=False, description="A token of `sentistream console token create`.")
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, description="A session; writes need the header `X-Requested-With` too."
)


def parts_of(request: Request) -> Parts:
    """What the app was made with."""
    parts: Parts = request.app.state.parts
    return parts


def address_of(request: Request) -> str:
    """Of the client."""
    return request.client.host if request.client else "unknown"


def needs(role: Role) -> Callable[..., Asker]:
    """A dependency: an asker with this role or a higher one."""

    def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        session: Annotated[str | None, Security(_cookie)],
    ) -> Asker:
        parts, writes = parts_of(request), request.method not in _READS
        holder = _holder(request, parts, bearer, session)
        parts.rates.count(holder.token_id, writes=writes)
        if holder.kind == "session" and writes:
            check_origin(request)
        if not holder.is_at_least(role):
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "role", f"This needs the role {role}, and {holder.name} is a {holder.role}: "
                "ask an operator for another token (`sentistream console token create`).",
                role=role, name=holder.name, has=holder.role,
            )  # fmt: skip
        return Asker(holder, parts)

    return check


def for_all_tenants(asker: Asker) -> Asker:
    """What concerns everybody is not for whoever sees one tenant."""
    if asker.holder.tenant is not None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "tenant", f"This is about all tenants, and {asker.holder.name} sees "
            "one of them: it needs a token for all.", name=asker.holder.name,
        )  # fmt: skip
    return asker


def check_origin(request: Request) -> None:
    """Writes by cookie come from our own page, or not at all."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or WRITE_HEADER not in request.headers:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "origin", "A session writes from the console's own page alone: send the header "
            "X-Requested-With, or use a bearer token.",
        )  # fmt: skip


def _holder(request: Request, parts: Parts, bearer: HTTPAuthorizationCredentials | None, session: str | None) -> Holder:
    found = None
    address = address_of(request)
    if bearer is not None:
        parts.rates.check_sign_in(address)
        found = parts.tokens.holder(bearer.credentials, "token")
    elif session is not None:
        found = parts.tokens.holder(session, "session")
    if found is None:
        if bearer is not None:
            parts.rates.count_failed_sign_in(address)
        given = "This token is unknown, expired or revoked" if bearer or session else "Nobody is signed in"
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "token", f"{given}: open the link that `sentistream console` printed, sign in, or "
            "send `Authorization: Bearer TOKEN`.", {"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    return found


def _all_tenants(role: Role) -> Callable[..., Asker]:
    def check(asker: Annotated[Asker, Depends(needs(role))]) -> Asker:
        return for_all_tenants(asker)

    return check


Viewer = Annotated[Asker, Depends(needs("viewer"))]
Reviewer = Annotated[Asker, Depends(needs("reviewer"))]
ViewerOfAll = Annotated[Asker, Depends(_all_tenants("viewer"))]
OperatorOfAll = Annotated[Asker, Depends(_all_tenants("operator"))]

Responses = dict[int | str, dict[str, Any]]
