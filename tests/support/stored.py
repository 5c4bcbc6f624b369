"""What a server made of an upload, and files to upload."""

import hashlib
import io
import urllib.request
from typing import Any

import orjson
import pikepdf

from pdfsluice.core.testing.pdfs import make_pdf


def get(url: str) -> bytes:
    """Return the body of a successful answer."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def get_json(url: str) -> Any:
    """Return the JSON of a successful answer."""
    return orjson.loads(get(url))


def documents(base_url: str) -> list[dict[str, Any]]:
    """Return all documents of a server."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = get_json(f"{base_url}/api/documents?limit=500{after}")
        found += page["documents"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def documents_of(base_url: str, data: bytes) -> list[dict[str, Any]]:
    """Return the documents that have exactly these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    found = [each for each in documents(base_url) if each["sha256"] == digest]
    for document in found:
        assert get(f"{base_url}/api/documents/{document['id']}/file") == data
    return found


def hostile_pdf(text: str = "hostile", *, size: int = 0) -> bytes:
    """Return a PDF that runs JavaScript when it is opened."""
    with pikepdf.open(io.BytesIO(make_pdf([text], noise_per_page=size))) as pdf:
        action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        pdf.Root.OpenAction = action
        output = io.BytesIO()
        pdf.save(output)
        return output.getvalue()
