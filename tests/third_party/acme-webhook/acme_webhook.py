"""An importer that sends each document to a webhook, which may be down for hours."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from pydantic import BaseModel

from pdfsluice.core import (
    ImportContext,
    Importer,
    ImporterSpec,
    OptionsSpec,
    Overloaded,
    PluginContext,
    RetryPolicy,
    hookimpl,
)


class Options(BaseModel):
    url: str = ""
    delay_seconds: float = 30.0


class Webhook:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def run(self, context: ImportContext) -> None:
        if not self._url:
            return
        body = {"id": context.document.id, "title": context.document.title}
        try:
            async with self._http.post(self._url, json=body) as response:
                response.raise_for_status()
        except aiohttp.ClientError as error:
            raise Overloaded("The webhook does not answer.", retry_after=30) from error
        context.progress(1.0, "The webhook was called")

    async def forget(self, document_id: int) -> None:
        return


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    return [OptionsSpec(name="acme_webhook", model=Options)]


@hookimpl
def pdfsluice_register_importers(context: PluginContext) -> Sequence[ImporterSpec]:
    options = context.options("acme_webhook", Options)

    @asynccontextmanager
    async def open_webhook() -> AsyncIterator[Importer]:
        async with aiohttp.ClientSession() as http:
            yield Webhook(options.url, http)

    retry = RetryPolicy(attempts=12, delay_seconds=options.delay_seconds)
    return [
        ImporterSpec(
            name="acme-webhook",
            open=open_webhook,
            required=False,
            retry=retry,
            timeout_seconds=20,
            after=("text",),
        )
    ]
