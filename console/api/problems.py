"""Errors as clients get them: problem+json by RFC 9457, with a text that says what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from console.api.models.access import Problem, ProblemField
from console.codes import PortCode, ProblemCode
from console.errors import PortError
from console.queries.cursors import CursorError
from console.store.database import is_passing

log = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"
_MOST_FIELDS: Final = 20
_WORDS: Final = {
    404: "There is nothing at this address: /api/v1/docs lists what there is.",
    405: "This address does not take this method: /api/v1/docs lists what it takes.",
}


class ProblemError(Exception):
    """An answer that says no.

    Args:
        status: of the answer.
        kind: its name for programs, such as ``rate-limit``.
        detail: what was wrong and what to do.
        headers: of the answer.
        facts: that fill the places of the detail's translations.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: ProblemCode,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **facts: str | float,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.facts = facts


def answer(
    request: Request,
    status: int,
    kind: ProblemCode | Literal["refused", "unavailable"],
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: tuple[ProblemField, ...] = (),
    code: PortCode | None = None,
    facts: Mapping[str, str | float] | None = None,
) -> Response:
    """A problem as a response; a port's has a code of its own."""
    problem = Problem(
        type=f"/problems/{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code or kind,
        facts=dict(facts or {}),
        instance=request.url.path,
        errors=errors,
    )
    return Response(problem.model_dump_json(), status, dict(headers or {}), MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Whatever goes wrong in a route becomes a problem."""
    app.add_exception_handler(ProblemError, _ours)
    app.add_exception_handler(CursorError, _cursor)
    app.add_exception_handler(PortError, _port)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _store)
    app.add_exception_handler(PoolTimeoutError, _store)
    app.add_exception_handler(Exception, _bug)


def _ours(request: Request, error: Any) -> Response:
    return answer(request, error.status, error.kind, error.detail, headers=error.headers, facts=error.facts)


def _cursor(request: Request, error: Exception) -> Response:
    return answer(request, HTTPStatus.BAD_REQUEST, "cursor", str(error))


def _port(request: Request, error: Any) -> Response:
    said = {"code": error.code, "facts": error.facts}
    if error.refused:
        return answer(request, HTTPStatus.CONFLICT, "refused", str(error), **said)
    headers = {"Retry-After": "5"}
    return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error), headers=headers, **said)


def _invalid(request: Request, error: Any) -> Response:
    found = error.errors()
    if any(one["type"] in ("json_invalid", "json_type") for one in found):
        return answer(request, HTTPStatus.BAD_REQUEST, "json", "The body is not JSON: see /api/v1/docs for its form.")
    # Never what was given: it may be a person's words, or not fit into an answer.
    fields = tuple(
        ProblemField(place=".".join(map(_plain, one["loc"])), text=_plain(one["msg"])) for one in found[:_MOST_FIELDS]
    )
    detail = "; ".join(f"{one.place}: {one.text}" for one in fields[:3])
    facts = {"places": ", ".join(dict.fromkeys(one.place for one in fields))}
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors=fields, facts=facts)


def _http(request: Request, error: Any) -> Response:
    status, headers = error.status_code, error.headers
    # The page's files stand below all else, and answer for a path of the API that does not take the method.
    if methods := _methods_of(request):
        status, headers = HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(sorted(methods))}
    text = _WORDS.get(status, _plain(error.detail))
    return answer(request, status, "http", text, headers=headers, facts={"status": status})


def _methods_of(request: Request) -> set[str]:
    """What a path takes, where it is one of the API's and does not take what was asked."""
    routes = (one for one in request.app.routes if isinstance(one, APIRoute) and one.include_in_schema)
    methods = {method for one in routes if one.path_regex.match(request.url.path) for method in one.methods}
    return set() if request.method in methods else methods


def _store(request: Request, error: Exception) -> Response:
    if not isinstance(error, PoolTimeoutError) and not is_passing(error):
        return _bug(request, error)
    log.warning("store_unavailable", error=type(error).__name__)
    text = "The event store does not answer now: try again in a few seconds; operators see STORE_DATABASE_URL."
    return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "store", text, headers={"Retry-After": "5"})


def _bug(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, exc_info=error)
    text = "The console has a fault; its log says more. Trying again will hardly help."
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "fault", text)


def _plain(value: object) -> str:
    """Text that every encoder takes."""
    return str(value).encode(errors="replace").decode()[:300]
