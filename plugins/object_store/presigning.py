"""Signed addresses of S3 (Signature Version 4, query parameters).

The library that sends the requests signs addresses too, but without header fields and further
parameters. Those give a download its name, and bind an upload to its length.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_UNRESERVED = "-_.~"
MAX_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class S3Keys:
    """What an address is signed with.

    Attributes:
        key_id: The id of the key, which is part of the address.
        secret: The key, which is not.
        region: The region of the bucket.
    """

    key_id: str
    secret: str
    region: str

    def sign(self, text: str, day: str) -> str:
        """Return the signature of a text, in hexadecimal."""
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def presigned(
    method: str,
    url: str,
    keys: S3Keys,
    *,
    now: datetime,
    seconds: int,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return a signed address.

    Args:
        method: The method for which it is valid.
        url: The address of the object, whose path is encoded already.
        keys: What it is signed with.
        now: The time (UTC).
        seconds: How long it can be used.
        query: Further parameters, such as ``response-content-type``.
        headers: Header fields that the request must have, names in lower case.
    """
    parts = urlsplit(url)
    signed = {"host": parts.netloc, **(headers or {})}
    names = ";".join(sorted(signed))
    time, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    scope = f"{day}/{keys.region}/s3/aws4_request"
    parameters = {
        **(query or {}),
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(min(seconds, MAX_SECONDS)),
        "X-Amz-SignedHeaders": names,
    }
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in parameters.items())
    canonical_query = "&".join(f"{name}={value}" for name, value in pairs)
    fields = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    request = f"{method}\n{parts.path}\n{canonical_query}\n{fields}\n{names}\n{_UNSIGNED}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = keys.sign(f"{_ALGORITHM}\n{time}\n{scope}\n{digest}", day)
    return f"{url}?{canonical_query}&X-Amz-Signature={signature}"


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
