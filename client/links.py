"""Links to other hosts, which the server gives for downloads and uploads."""

from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

from .errors import ClientError, UnexpectedAnswer


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """How a chunk is sent to the store of the server.

    Attributes:
        url: Where it goes.
        headers: Header fields of that request.
        length: How many bytes belong there.
    """

    url: str
    headers: dict[str, str]
    length: int


def link_of(answer: aiohttp.ClientResponse) -> URL | None:
    """Return the target of a redirected download; ``None`` if there is none.

    Other redirects are those of proxies, and are no answer of the server.

    Raises:
        UnexpectedAnswer: The link is not one to follow.
    """
    location = answer.headers.get("Location", "")
    if answer.status != HTTPStatus.TEMPORARY_REDIRECT or not location:
        return None
    return checked_link(location, answer.url)


def checked_link(address: str, server: URL) -> URL:
    """Return a link as it is written, for a signature covers each character.

    Raises:
        UnexpectedAnswer: It is no address, or leaves an encrypted connection.
    """
    try:
        link = URL(address, encoded=True)
    except ValueError:
        link = URL()
    if link.scheme not in {"http", "https"} or not link.host:
        raise UnexpectedAnswer(f"{server.host} returned a link that is not an address")
    if server.scheme == "https" and link.scheme != "https":
        raise UnexpectedAnswer(
            f"{server.host} gives a link to {link.host} without encryption",
            hint="Ask the operator of the server for an https address there.",
        )
    return link


def refused_link(answer: aiohttp.ClientResponse, what: str) -> ClientError:
    """Return the error about an answer of the other host; the link is not part of it.

    Args:
        answer: What it answered.
        what: What the link is for: ``downloads``, ``uploads``.
    """
    return UnexpectedAnswer(
        f"{answer.url.host}, to which the server sends {what}, answers {answer.status}"
        f" {answer.reason or ''}".rstrip(),
        status=answer.status,
        hint="A link lasts for a short time: is the clock of this machine right? Otherwise the"
        " operator finds the reason at that host.",
    )
