"""Answers of proxies and firewalls in front of pdfsluice."""

import html
import re
from collections.abc import Mapping
from http import HTTPStatus

from .errors import UnexpectedAnswer

_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_EXPLANATIONS: Mapping[int, tuple[str, str]] = {
    401: (
        "a proxy in front of the server asks for a login",
        "Ask its operator to pass requests with an API key on to pdfsluice.",
    ),
    403: (
        "a proxy or firewall in front of the server forbids the request",
        "Ask its operator which rule forbids uploads to this address.",
    ),
    404: (
        "there is no pdfsluice at this address",
        "Check the address, and the path if the server is mounted below one.",
    ),
    407: (
        "the proxy asks for a login",
        "Give it in HTTPS_PROXY or HTTP_PROXY as http://NAME:PASSWORD@HOST:PORT.",
    ),
    411: (
        "a proxy in front of the server does not accept requests without a length",
        "Ask its operator to pass uploads on as they come.",
    ),
    413: (
        "a proxy in front of the server accepts no request of this size",
        "Send smaller chunks (--chunk-size), or have client_max_body_size (nginx) raised.",
    ),
    414: ("a proxy in front of the server accepts no address of this length", ""),
    429: ("a proxy in front of the server limits the rate of requests", "Try again later."),
    431: ("a proxy in front of the server accepts no header of this size", ""),
    502: (
        "the proxy in front of the server gets no valid answer from it",
        "Is the server running? Its operator finds the reason in the log of the proxy.",
    ),
    503: (
        "the proxy in front of the server cannot reach it now",
        "Is the server running? Try again later.",
    ),
    504: (
        "the proxy in front of the server did not wait for its answer",
        "Ask its operator to raise the timeout (nginx: proxy_read_timeout).",
    ),
}


def foreign_answer(
    *,
    request: str,
    status: int,
    reason: str,
    software: str,
    body: bytes,
    retry_after: float | None,
) -> UnexpectedAnswer:
    """Return the error for an answer that pdfsluice did not write.

    Args:
        request: Method and path of the request.
        status: HTTP status of the answer.
        reason: Its reason phrase.
        software: Its ``Server`` field; names the proxy, as a rule.
        body: Its body; the title of a page is quoted.
        retry_after: Seconds after which the answer asks to be tried again.
    """
    explanation, hint = _EXPLANATIONS.get(
        status, ("the answer is not from pdfsluice", "Is this the address of a pdfsluice server?")
    )
    answer = f"{status} {reason or _phrase(status)}".strip()
    title = _title(body)
    details = [
        f"{request} was answered with {answer}",
        f'page "{title}"' if title and title.lower() != answer.lower() else "",
        f"server {software[:60]}" if software.isprintable() and software else "",
    ]
    return UnexpectedAnswer(
        f"{explanation} ({', '.join(filter(None, details))})",
        hint=hint,
        status=status,
        retry_after=retry_after,
    )


def _title(body: bytes) -> str:
    match = _TITLE.search(body[:65536].decode(errors="replace"))
    text = html.unescape(match[1]) if match else ""
    return " ".join("".join(filter(str.isprintable, text)).split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
