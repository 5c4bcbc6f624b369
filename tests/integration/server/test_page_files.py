"""The files of the page: types, caching, compression, and nothing but them."""

import urllib.error
import urllib.request

import pytest

from tests.support.servers import RunningServer

Answer = tuple[int, dict[str, str], bytes]


def ask(server: RunningServer, path: str, **headers: str) -> Answer:
    request = urllib.request.Request(f"{server.base_url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/assets/js/main.js", "text/javascript; charset=utf-8"),
        ("/assets/client/index.js", "text/javascript; charset=utf-8"),
        ("/assets/css/base.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/assets/fonts/inter.woff2", "font/woff2"),
    ],
)
def test_a_file_has_its_type_and_a_strict_policy(
    server: RunningServer, path: str, media: str
) -> None:
    status, headers, body = ask(server, path)
    assert status == 200
    assert body
    assert headers["Content-Type"] == media
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_the_browser_has_is_not_sent_again(server: RunningServer) -> None:
    _, headers, body = ask(server, "/assets/client/index.js")
    status, _, nothing = ask(
        server, "/assets/client/index.js", **{"If-None-Match": headers["Etag"]}
    )
    assert (status, nothing) == (304, b"")
    status, _, again = ask(server, "/assets/client/index.js", **{"If-None-Match": '"other"'})
    assert (status, again) == (200, body)


def test_text_is_compressed_for_clients_that_accept_it(server: RunningServer) -> None:
    _, plain, body = ask(server, "/assets/js/strings.js", **{"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain
    _, zipped, smaller = ask(server, "/assets/js/strings.js", **{"Accept-Encoding": "br, gzip"})
    assert zipped["Content-Encoding"] == "gzip"
    assert zipped["Etag"] != plain["Etag"]
    assert len(smaller) < len(body) / 2
    font = ask(server, "/assets/fonts/inter.woff2", **{"Accept-Encoding": "gzip"})[1]
    assert "Content-Encoding" not in font


@pytest.mark.parametrize(
    "path",
    [
        "/assets/",
        "/assets/js",
        "/assets//etc/passwd",
        "/assets/../assets.py",
        "/assets/..%2fassets.py",
        "/assets/%2e%2e/assets.py",
        "/assets/client/../../package.json",
        "/assets/client/%2e%2e/%2e%2e/package.json",
        "/assets/js/main.js/",
        "/assets/js/main.js%00.css",
    ],
)
def test_nothing_else_is_served(server: RunningServer, path: str) -> None:
    assert ask(server, path)[0] == 404
