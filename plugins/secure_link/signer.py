"""Makes links that nginx checks with ``secure_link`` and ``secure_link_md5``."""

import base64
import hashlib
from urllib.parse import quote, urlsplit

from pdfsluice.core import LinkedFile

from .options import SecureLinkOptions


class SecureLinkSigner:
    """A signature over the path of a file, the end of the link and the file's name.

    Args:
        options: The address of nginx and the secret.
    """

    def __init__(self, options: SecureLinkOptions) -> None:
        self._url = options.url
        self._path = urlsplit(options.url).path
        self._secret = options.secret.get_secret_value()

    async def link(self, file: LinkedFile) -> str:
        """Return the link; nginx hashes what it sees of these parts in the same order."""
        expires = str(int(file.expires_at.timestamp()))
        name = quote(file.filename, safe="")
        text = f"{expires}{self._path}/{file.path}{name} {self._secret}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()  # the module's own
        signature = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return f"{self._url}/{file.path}?md5={signature}&expires={expires}&name={name}"
