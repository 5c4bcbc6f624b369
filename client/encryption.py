"""Encrypts files before they are sent, and decrypts them when they have arrived.

The format is age (age-encryption.org/v1). No key leaves this machine.
"""

import importlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import ClientError

SUFFIX = ".age"
_MAX_IDENTITY_BYTES = 1024 * 1024


@contextmanager
def encrypted_copy(path: Path, recipients: Sequence[str]) -> Iterator[Path]:
    """Encrypt a file into a temporary folder for the time of the context.

    Args:
        path: The file.
        recipients: Public keys: ``age1...``, or ``ssh-ed25519 ...`` and ``ssh-rsa ...``.

    Raises:
        ClientError: A recipient is malformed, the file cannot be read, or there is no space.
    """
    keys = [_recipient(each) for each in recipients]
    with tempfile.TemporaryDirectory(prefix="pdfsluice-") as folder:
        copy = Path(folder) / f"{path.name[: 255 - len(SUFFIX)]}{SUFFIX}"
        try:
            with path.open("rb") as plain, copy.open("xb") as target:
                _age().encrypt_io(plain, target, keys)
        except OSError as error:
            place = tempfile.gettempdir()
            raise ClientError(
                f"{path} cannot be encrypted: {error.strerror}",
                code="file-unreadable",
                hint=f"Its encrypted copy is in {place}; TMPDIR names another folder.",
            ) from error
        yield copy


def decrypt(source: Path, target: Path, identity: Path) -> None:
    """Decrypt a file; the target gets its name when it is complete.

    Args:
        source: An age file.
        target: Where the content is to be; a file that is there is replaced.
        identity: A file with secret keys (``AGE-SECRET-KEY-...``), or a private key of SSH.

    Raises:
        ClientError: No key fits, the file is damaged or not encrypted, or cannot be written.
    """
    keys = _identities(identity)
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.decrypting")
    try:
        with source.open("rb") as encrypted, _created(draft) as plain:
            _age().decrypt_io(encrypted, plain, keys)
            plain.flush()
            os.fsync(plain.fileno())
        draft.replace(target)
    except _age().DecryptError as error:
        raise ClientError(
            f"the file cannot be decrypted with {identity}: {error}",
            code="decryption-failed",
            hint="Give the key of one of its recipients. What was downloaded stays encrypted.",
        ) from error
    except OSError as error:
        raise ClientError(
            f"{target} cannot be written: {error.strerror}", code="file-unwritable"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _created(path: Path) -> Iterator[Any]:
    """Create a file that only its owner may read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        yield file


def plain_name(name: str) -> str:
    """Return the name of a file without the ending of its encryption."""
    return name.removesuffix(SUFFIX) or name


def _recipient(text: str) -> Any:
    age = _age()
    kind = age.ssh.Recipient if text.startswith("ssh-") else age.x25519.Recipient
    return _parsed(kind.from_str, text.strip(), age.RecipientError, _no_recipient(text))


def _no_recipient(text: str) -> ClientError:
    secret = text.strip().upper().startswith("AGE-SECRET-KEY")
    name = "a secret key" if secret else repr(text[:80])
    return ClientError(
        f"{name} is not a recipient",
        code="key-invalid",
        hint="A recipient is a public key: age1..., or a line of an SSH public key.",
    )


def _identities(path: Path) -> list[Any]:
    age = _age()
    error = ClientError(
        f"{path} holds no secret key",
        code="key-invalid",
        hint="Give a file of age-keygen, or a private key of SSH without a passphrase.",
    )
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_IDENTITY_BYTES)
    except OSError as failure:
        raise ClientError(
            f"{path} cannot be read: {failure.strerror}", code="file-unreadable"
        ) from failure
    if content.startswith(b"-----BEGIN"):
        return [_parsed(age.ssh.Identity.from_buffer, content, age.IdentityError, error)]
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise error
    return [_parsed(age.x25519.Identity.from_str, key, age.IdentityError, error) for key in keys]


def _parsed(
    parse: Callable[[Any], Any], value: Any, refused: type[Exception], error: ClientError
) -> Any:
    """Return a key. An error never shows it, because it may be secret."""
    try:
        return parse(value)
    except (refused, ValueError):
        raise error from None


def _age() -> Any:
    """Return the library, which is installed on demand.

    Raises:
        ClientError: It is not installed.
    """
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise ClientError(
            "encryption needs the package 'pyrage'",
            code="extra-missing",
            hint="Install it with: pip install 'pdfsluice[encryption]'",
        ) from error
