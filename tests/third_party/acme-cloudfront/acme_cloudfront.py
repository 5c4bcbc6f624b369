"""A link signer for Amazon CloudFront: signed URLs with a canned policy."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import BaseModel

from pdfsluice.core import (
    LinkedFile,
    LinkSignerSpec,
    OptionsSpec,
    PluginContext,
    PluginError,
    closing,
    hookimpl,
)


class Options(BaseModel):
    url: str = ""
    key_pair_id: str = ""
    key_file: Path = Path()


class CloudFront:
    """Signs addresses of a distribution whose origin is the folder of documents."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._key: rsa.RSAPrivateKey | None = None
        if options.key_pair_id:
            key = serialization.load_pem_private_key(options.key_file.read_bytes(), password=None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise PluginError("the key of CloudFront is no RSA key")
            self._key = key

    async def close(self) -> None:
        self._key = None

    async def link(self, file: LinkedFile) -> str | None:
        if self._key is None:
            return None
        # The distribution forwards these two to S3, and includes them in its cache key.
        query = {
            "response-content-disposition": file.content_disposition,
            "response-content-type": file.content_type,
        }
        url = f"{self._options.url}/{file.path}?{urlencode(query)}"
        expires = int(file.expires_at.timestamp())
        condition = {"DateLessThan": {"AWS:EpochTime": expires}}
        statement = {"Resource": url, "Condition": condition}
        policy = json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()
        signature = self._key.sign(policy, padding.PKCS1v15(), hashes.SHA1())
        text = base64.b64encode(signature).decode().translate(str.maketrans("+=/", "-_~"))
        return f"{url}&Expires={expires}&Signature={text}&Key-Pair-Id={self._options.key_pair_id}"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    return [OptionsSpec(name="acme_cloudfront", model=Options)]


@hookimpl
def pdfsluice_register_link_signers(context: PluginContext) -> Sequence[LinkSignerSpec]:
    options = context.options("acme_cloudfront", Options)
    return [LinkSignerSpec(name="cloudfront", open=closing(lambda: CloudFront(options)))]
