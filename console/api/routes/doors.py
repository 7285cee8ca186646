"""What is no part of the API: the link that signs in, the reference page, and whether the process lives."""

from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from console.api.asking import parts_of
from console.api.problems import ProblemError
from console.api.reference import reference_page
from console.api.routes.access import set_cookie, start_session

router = APIRouter(include_in_schema=False)

_USED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>SentiStream</title>
<h1>This link cannot be used</h1><p>A link is good for one sign-in, for a day.</p>
<p>Make another one: <code>sentistream console link</code>. Or <a href="/">sign in with a token</a>.</p>
<div lang="zh-CN"><h2>此链接无法使用</h2><p>一个链接只能登录一次，一天内有效。</p>
<p>再生成一个：<code>sentistream console link</code>。或者<a href="/">用令牌登录</a>。</p></div></html>"""


@router.get("/open")
def open_link(request: Request, token: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Exchange a one-time link for a session, and go to the page."""
    parts = parts_of(request)
    try:
        secret, _ = start_session(request, parts, token)
    except ProblemError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            return HTMLResponse(_USED, HTTPStatus.UNAUTHORIZED)
        raise
    answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    set_cookie(answer, parts, secret)
    return answer


@router.get("/api/v1/docs")
def reference(request: Request) -> HTMLResponse:
    """The API's document as a page."""
    return HTMLResponse(_page(request.app))


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@cache
def _page(app: Any) -> str:
    return reference_page(app.openapi())
