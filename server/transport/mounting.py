"""The address under which a proxy shows the server: ``https://example.org/pdf``.

The server routes paths without the proxy's prefix, and puts it in front of all that it sends.
It makes no difference whether the proxy removes the prefix or passes it on.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from yarl import URL

RequestFactory = Callable[..., web.BaseRequest]
_LOCATIONS = (hdrs.LOCATION, hdrs.CONTENT_LOCATION)


def without_prefix(factory: RequestFactory, root_path: str) -> RequestFactory:
    """Return a factory of requests whose paths begin after the prefix."""
    if not root_path:
        return factory

    def make(message: RawRequestMessage, *arguments: Any, **options: Any) -> web.BaseRequest:
        return factory(_stripped(message, root_path), *arguments, **options)

    return make


def _stripped(message: RawRequestMessage, root_path: str) -> RawRequestMessage:
    path, query, rest = message.path.partition("?")
    if path != root_path and not path.startswith(f"{root_path}/"):
        return message
    inner = (path.removeprefix(root_path) or "/") + query + rest
    return message._replace(
        path=inner, url=URL.build(path="/", encoded=True).join(URL(inner, encoded=True))
    )


def with_prefix(root_path: str) -> Callable[[web.Request, web.StreamResponse], Any]:
    """Return the signal that adds the prefix to the paths in header fields."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        del request
        for name in _LOCATIONS:
            path = response.headers.get(name, "")
            if path.startswith("/"):
                response.headers[name] = root_path + path

    return add
