"""`pdfsluice mcp`: the tools of a server on standard input and output.

Programs that drive a language model start this command and write messages of the Model Context
Protocol to it; each is relayed to the server's ``/mcp``.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import typer

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.errors import ClientError
from pdfsluice.core.plugins.extras import first_missing

from .failures import report, run
from .options import Authority, KeyFile, Server, connect

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server as Relay


def mcp(server: Server = DEFAULT_SERVER, key_file: KeyFile = None, ca: Authority = None) -> None:
    """Connect a program with a language model to the server, by its standard streams.

    The program starts this command and exchanges messages of the Model Context Protocol with
    it. The tools search documents and show pages, documents and uploads; none changes anything.
    """
    missing = first_missing(["mcp"])
    if missing is not None:
        raise typer.Exit(report(missing))
    run(_relay(connect(server, key_file, ca)))


async def _relay(client: Client) -> None:
    from mcp.server.stdio import stdio_server  # noqa: PLC0415 - takes a second to import

    async with client:
        introduced = await client.model_context("initialize", _introduction())
        relay = _server(client, instructions=str(introduced.get("instructions", "")))
        async with stdio_server() as (incoming, outgoing):
            await relay.run(incoming, outgoing, relay.create_initialization_options())


def _introduction() -> dict[str, Any]:
    from mcp_types.version import LATEST_HANDSHAKE_VERSION  # noqa: PLC0415

    return {
        "protocolVersion": LATEST_HANDSHAKE_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "pdfsluice", "version": version("pdfsluice")},
    }


def _server(client: Client, *, instructions: str) -> "Relay[Any]":
    """Return a server of the protocol that asks the client for everything."""
    import mcp_types as protocol  # noqa: PLC0415 - takes a second to import
    from mcp.server.lowlevel import Server as Relay  # noqa: PLC0415

    async def list_tools(
        _context: Any, _params: protocol.PaginatedRequestParams | None
    ) -> protocol.ListToolsResult:
        result = await client.model_context("tools/list", {})
        return protocol.ListToolsResult.model_validate(result)

    async def call_tool(
        _context: Any, params: protocol.CallToolRequestParams
    ) -> protocol.CallToolResult:
        wanted = {"name": params.name, "arguments": params.arguments or {}}
        try:
            result = await client.model_context("tools/call", wanted)
        except ClientError as error:
            text = protocol.TextContent(
                type="text", text=f"{error.message.rstrip('.')}. {error.hint}".strip()
            )
            return protocol.CallToolResult(content=[text], is_error=True)
        return protocol.CallToolResult.model_validate(result)

    return Relay(
        "pdfsluice",
        version=version("pdfsluice"),
        instructions=instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
