"""An authenticator for JSON Web Tokens with a shared secret (HS256)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence

from pydantic import BaseModel

from pdfsluice.core import (
    AuthenticationError,
    AuthenticatorSpec,
    Credentials,
    OptionsSpec,
    PluginContext,
    Principal,
    Scope,
    hookimpl,
)


class Options(BaseModel):
    secret: str = ""


class Jwt:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @property
    def enforced(self) -> bool:
        return bool(self._secret)

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        scheme, _, token = credentials.headers.get("authorization", "").partition(" ")
        if not self._secret or scheme.lower() != "bearer" or token.count(".") != 2:
            return None
        signed, _, signature = token.rpartition(".")
        expected = hmac.new(self._secret, signed.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(decoded(signature), expected):
            raise AuthenticationError("the token's signature is wrong")
        claims = json.loads(decoded(signed.partition(".")[2]))
        if claims.get("exp", 0) < time.time():
            raise AuthenticationError("the token has expired")
        scopes = frozenset(Scope(each) for each in claims.get("scopes", ["read", "upload"]))
        name, tenant = claims["sub"], claims.get("tenant", "")
        if not isinstance(tenant, str):
            raise AuthenticationError("the token's tenant is no text")
        return Principal(id=f"jwt:{name}", name=name, scopes=scopes, tenant=tenant)


def decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise AuthenticationError("the token cannot be read") from None


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    return [OptionsSpec(name="acme_jwt", model=Options)]


@hookimpl
def pdfsluice_register_authenticators(context: PluginContext) -> Sequence[AuthenticatorSpec]:
    secret = context.options("acme_jwt", Options).secret
    return [AuthenticatorSpec(name="acme-jwt", authenticator=Jwt(secret), before=("api-keys",))]
