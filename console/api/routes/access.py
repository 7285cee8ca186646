"""Signing in and out, and who one is."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from console.access.holder import Holder
from console.api.asking import COOKIE, Viewer, address_of, check_origin, needs, parts_of
from console.api.context import Asker, Parts
from console.api.models.access import LabelInfo, Me, SignIn, Taxonomies, TaxonomyInfo
from console.api.problems import ProblemError
from console.queries.totals import taxonomies_in_use
from schemas.errors import SchemaError
from schemas.taxonomy import Taxonomy, built_in, load_taxonomy

router = APIRouter(tags=["access"])


@router.get("/me")
def me(asker: Viewer) -> Me:
    """Who asks, and what it may do."""
    return _me(asker.holder)


@router.post("/session")
def sign_in(request: Request, response: Response, body: SignIn) -> Me:
    """Exchange a token, or the secret of a one-time link, for a session cookie."""
    check_origin(request)
    parts = parts_of(request)
    secret, holder = start_session(request, parts, body.token)
    set_cookie(response, parts, secret)
    return _me(holder)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def sign_out(asker: Annotated[Asker, Depends(needs("viewer"))], response: Response) -> None:
    """End this session; a bearer token stays as it is."""
    if asker.holder.kind == "session":
        asker.parts.tokens.end(asker.holder)
    response.delete_cookie(COOKIE, path="/")


@router.get("/taxonomies")
def taxonomies(asker: Viewer) -> Taxonomies:
    """The label sets, and what events there are to filter."""
    parts, reader = asker.parts, asker.reader
    with parts.database.reading() as connection:
        totals, in_use = parts.totals.get(connection), taxonomies_in_use(connection, reader)
        languages = totals.languages(reader.tenant)
    known = dict(built_in())
    for name in in_use:
        try:
            known[name] = load_taxonomy(name, parts.taxonomies)
        except SchemaError:
            continue  # of a service that has it; here it can be shown all the same
    return Taxonomies(
        taxonomies=tuple(_info(one) for _, one in sorted(known.items())),
        in_use=in_use,
        tenants=tuple(sorted(name for name, count in totals.events.items() if count and reader.sees(name))),
        languages=languages,
    )


def start_session(request: Request, parts: Parts, secret: str) -> tuple[str, Holder]:
    """A session for a token or a link; ProblemError where it is neither."""
    address = address_of(request)
    parts.rates.check_sign_in(address)
    made = parts.tokens.start_session(secret, timedelta(hours=parts.settings.console_session_hours))
    if made is None:
        parts.rates.count_failed_sign_in(address)
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "token", "This token or link is unknown, expired, revoked or was used before: "
            "`sentistream console link` prints a new link, `sentistream console token create` a token.",
        )  # fmt: skip
    return made


def set_cookie(response: Response, parts: Parts, secret: str) -> None:
    """The session's: no script reads it, and no other site sends it."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(parts.settings.console_session_hours * 3600),
        path="/",
        httponly=True,
        samesite="strict",
        secure=parts.settings.console_secure,
    )


def _me(holder: Holder) -> Me:
    for_all = holder.tenant is None
    return Me(
        name=holder.name,
        role=holder.role,
        tenant=holder.tenant,
        may_label=holder.is_at_least("reviewer"),
        may_replay=holder.is_at_least("operator") and for_all,
        may_release=holder.is_at_least("operator") and for_all,
        expires_at=holder.expires_at,
        server_time=datetime.now(UTC),
    )


def _info(taxonomy: Taxonomy) -> TaxonomyInfo:
    labels = tuple(LabelInfo.model_validate(one.model_dump()) for one in taxonomy.labels)
    return TaxonomyInfo(name=taxonomy.name, title=taxonomy.title, labels=labels)
