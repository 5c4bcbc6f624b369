"""The table of routes: what the router, the access control and the description all go by."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import BaseModel

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models import Scope

from .transport.body import withhold_continue

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Content:
    """A body in a media type other than JSON.

    Attributes:
        media: The media type.
        model: Its fields, for forms; ``None`` for bytes.
        file: The field of the form that is a file.
    """

    media: str
    model: type[BaseModel] | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        description: When it is given.
        model: What its JSON is; ``None`` where ``media`` says what comes, or nothing comes.
        media: Media type of an answer that is not JSON.
        many: Whether the JSON is a list of the model.
        headers: Names of headers that matter, with what they say.
    """

    description: str
    model: type[BaseModel] | None = None
    media: str = ""
    many: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        scopes: Of these the caller needs one; empty where nobody is asked who calls.
        summary: One line; the handler's docstring has the rest.
        query: Model of the query parameters.
        body: Model of a JSON body, or other contents, any one of which may be sent.
        body_required: Whether a body has to be sent.
        headers: Request headers that matter, with what they say.
        answers: Successful answers by status.
        errors: What may go wrong, beside what every route shares.
        listed: Whether the description shows it.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...]
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | tuple[Content, ...] | None = None
    body_required: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[PdfsluiceError], ...] = ()
    listed: bool = True


TABLE: web.AppKey[list[Route]] = web.AppKey("TABLE", list)
"""All routes, in order."""

_SCOPES = web.AppKey("_SCOPES", dict[web.AbstractRoute, tuple[Scope, ...]])


def prepare(app: web.Application) -> None:
    """Give an application its empty table."""
    app[TABLE] = []
    app[_SCOPES] = {}


def add(app: web.Application, routes: Iterable[Route]) -> None:
    """Add routes to the router and to the table; ``GET`` answers ``HEAD`` too."""
    for route in routes:
        app[TABLE].append(route)
        methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
        for method in methods:
            made = app.router.add_route(
                method, route.path, route.handler, expect_handler=withhold_continue
            )
            app[_SCOPES][made] = route.scopes


def add_public(app: web.Application, add_routes: Callable[[web.Application], None]) -> None:
    """Let another module add routes of its own that need no key."""
    before = set(app.router.routes())
    add_routes(app)
    app[_SCOPES].update((route, ()) for route in app.router.routes() if route not in before)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs.

    Attributes:
        public: Nobody is asked who calls.
        scopes: Of these the caller needs one, if there are any; what is done may need more.
    """

    public: bool
    scopes: tuple[Scope, ...]


def access_of(request: web.Request) -> Access:
    """Say what a request needs; a route that is not in the table needs a known caller.

    Paths that do not exist are public: their absence is no secret.
    """
    if request.match_info.http_exception is not None:
        return Access(public=True, scopes=())
    scopes = request.app[_SCOPES].get(request.match_info.route)
    return Access(public=scopes == (), scopes=scopes or ())
