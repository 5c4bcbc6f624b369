"""The server of the protocol, from the official library, over the tools."""

from typing import Any

import mcp_types as protocol
from aiohttp import web
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from pdfsluice.core.models.sessions import Principal
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL

from .asgi import Message, Receive, Send, respond_by
from .tools import INSTRUCTIONS, Tools

_PRINCIPAL = "pdfsluice.principal"


class Service:
    """The answers to messages of the Model Context Protocol."""

    def __init__(self, runtime: Runtime, *, version: str) -> None:
        self._tools = Tools(runtime)
        self._server = Server(
            "pdfsluice",
            version=version,
            title="pdfsluice",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer one message of an authenticated client."""
        return await respond_by(self._run, request, body, {_PRINCIPAL: request[PRINCIPAL]})

    async def _run(self, scope: Message, receive: Receive, send: Send) -> None:
        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list_tools(
        self, _context: ServerRequestContext[Any], _params: protocol.PaginatedRequestParams | None
    ) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=self._tools.list())

    async def _call_tool(
        self, context: ServerRequestContext[Any], params: protocol.CallToolRequestParams
    ) -> protocol.CallToolResult:
        request: Any = context.request  # starlette's, made from our scope
        principal: Principal = request.scope[_PRINCIPAL]
        return await self._tools.call(principal, params.name, params.arguments or {})
