"""The web application: the API, the page, and what guards both."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles

from console.access.tokens import Tokens
from console.api.context import Parts
from console.api.feed import Feed
from console.api.guards import BodyLimit, KnownHosts, SecurityHeaders
from console.api.health_report import HealthReport
from console.api.models.access import Problem
from console.api.models.alerts import AlertRules
from console.api.models.events import StreamChanges, StreamEvents, StreamPulse
from console.api.problems import MEDIA_TYPE, add_handlers
from console.api.rates import Rates
from console.api.refreshed import Refreshed
from console.api.routes import access, conversations, doors, events, operations, people
from console.api.settings import ApiSettings
from console.ports import Ports
from console.queries.reader import Reader
from console.store.database import Database

API: Final = "/api/v1"
_PROBLEMS: Final = {
    400: "A body that is not JSON, a cursor that is none, an unknown host name.",
    401: "No token, or one that is not good.",
    403: "The role or the tenant does not allow it.",
    404: "Not there, or not this token's.",
    409: "Not now; the text says why.",
    413: "The body is too large.",
    422: "A parameter or a field is not as it must be.",
    429: "Too many requests; Retry-After says how long to wait.",
    503: "Kafka, the registry or the store does not answer.",
}
#: Models that no answer names, since they come in messages of a stream.
_STREAMED: Final = (StreamEvents, StreamChanges, StreamPulse)


@dataclass(frozen=True, slots=True)
class Made:
    """What an app is made of, besides its settings.

    Attributes:
        rules: what the rules' file has, for a reader.
        taxonomies: a folder of the platform's own.
    """

    database: Database
    ports: Ports
    rules: Callable[[Reader], AlertRules]
    taxonomies: Path | None = None


def make_app(settings: ApiSettings, made: Made) -> FastAPI:
    """The application. Call `feed_of(app).stop()` when the server stops, so that live streams end."""
    parts = Parts(
        settings=settings,
        database=made.database,
        ports=made.ports,
        rules=made.rules,
        taxonomies=made.taxonomies,
        tokens=Tokens(made.database),
        rates=Rates(settings),
        feed=Feed(made.database),
        health=HealthReport(settings, made.ports),
        adapters=Refreshed("adapters", made.ports.adapters.state),
        letters=Refreshed("dead letters", lambda: tuple(made.ports.dead_letters.letters()), life_s=10.0),
    )
    app = FastAPI(
        title="SentiStream",
        summary="Emotion events, what people say of them, and how the pipeline is.",
        version=version("sentistream"),
        openapi_url=f"{API}/openapi.json",
        # Theirs load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.parts = parts
    add_handlers(app)
    for routes in (access, events, conversations, people, operations):
        app.include_router(routes.router, prefix=API, responses=_responses())
    app.include_router(doors.router)
    app.mount("/", StaticFiles(packages=[("console", "web")], html=True), name="web")
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    # The last is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(KnownHosts, names=settings.names)
    app.add_middleware(SecurityHeaders)
    return app


def feed_of(app: FastAPI) -> Feed:
    """The app's feed of new events."""
    parts: Parts = app.state.parts
    return parts.feed


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    parts: Parts = app.state.parts
    parts.feed.stop()
    for one in (parts.health, parts.adapters, parts.letters):
        one.close()


def _responses() -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": text, "content": {MEDIA_TYPE: schema}} for status, text in _PROBLEMS.items()}


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = made["components"]["schemas"]
        for model in (Problem, *_STREAMED):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
            for name, part in schema.pop("$defs", {}).items():
                schemas.setdefault(name, part)
            schemas[model.__name__] = schema
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema
