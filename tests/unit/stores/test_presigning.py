"""Signed addresses of S3 are those that the provider's own library makes."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

pytest.importorskip("botocore", reason="moto is not installed")
pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pdfsluice.plugins.object_store.links import LibraryLinks, S3Links, s3_links
from pdfsluice.plugins.object_store.opening import open_client
from pdfsluice.plugins.object_store.options import ObjectStoreOptions
from pdfsluice.plugins.object_store.presigning import S3Keys, presigned

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
KEYS = S3Keys("AKID", "se/cr+et", "eu-central-1")
NAME = "attachment; filename=\"a b.pdf\"; filename*=UTF-8''%C3%A4%20b.pdf"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({}, {}),
        ({"response-content-disposition": NAME, "response-content-type": "application/pdf"}, {}),
        ({}, {"content-length": "8388608", "x-amz-meta-a": "two  words"}),
    ],
    ids=["plain", "named", "with headers"],
)
def test_the_signature_is_that_of_the_provider(
    query: dict[str, str], headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://s3.example.org:9000/bucket/a%20folder/documents/ab/x.pdf"
    ours = presigned("PUT", url, KEYS, now=NOW, seconds=300, query=query, headers=headers)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    signer = auth.S3SigV4QueryAuth(
        Credentials(KEYS.key_id, KEYS.secret), "s3", KEYS.region, expires=300
    )
    request = AWSRequest("PUT", url, params=query, headers=headers)
    signer.add_auth(request)
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(request.url).query)
    assert ours.startswith(f"{url}?")


def options(url: str, **values: object) -> ObjectStoreOptions:
    return ObjectStoreOptions.model_validate(
        {
            "url": url,
            "access_key_id": "AKID",
            "secret_access_key": SecretStr("bm90IGEgc2VjcmV0"),
            **values,
        }
    )


@pytest.mark.parametrize(
    ("values", "base"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com/bucket/a%20b"),
        ({"path_style": False}, "https://bucket.s3.us-east-1.amazonaws.com/a%20b"),
        ({"endpoint": "http://10.0.0.5:9000"}, "http://10.0.0.5:9000/bucket/a%20b"),
        (
            {"endpoint": "http://10.0.0.5:9000", "link_endpoint": "https://s3.example.org/"},
            "https://s3.example.org/bucket/a%20b",
        ),
        (
            {"endpoint": "https://bucket.s3.example.org", "path_style": False},
            "https://bucket.s3.example.org/a%20b",
        ),
    ],
)
def test_a_link_has_the_address_that_clients_use(values: dict[str, object], base: str) -> None:
    links = s3_links(options("s3://bucket/a b", **values))
    assert isinstance(links, S3Links)
    url = links.get("documents/ab/x.pdf", seconds=60, content_type="a/b", content_disposition=NAME)
    assert url.partition("?")[0] == f"{base}/documents/ab/x.pdf"
    assert parse_qs(urlsplit(url).query)["response-content-disposition"] == [NAME]


def test_other_credentials_are_left_to_the_library() -> None:
    assert s3_links(options("s3://bucket/f", access_key_id="")) is None
    assert s3_links(options("s3://bucket/f", config={"aws_session_token": "x"})) is None
    azure = options("az://container/f", endpoint="https://account.blob.example.org")
    assert s3_links(azure) is None
    links = LibraryLinks(open_client(azure.model_copy(update={"access_key_id": "account"})))
    url = links.get("x.pdf", seconds=60, content_type="a/b", content_disposition=NAME)
    assert "sig=" in url
    assert "bm90IGEgc2VjcmV0" not in url
