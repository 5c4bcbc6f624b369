"""A command that counts documents, also while a server runs."""

from collections.abc import Sequence
from typing import Annotated

import typer

from pdfsluice.core import CommandSpec, Need, Opened, hookimpl


async def count(
    opened: Opened,
    owner: Annotated[str | None, typer.Option(help="Whose documents are counted.")] = None,
) -> None:
    """Count the documents."""
    assert opened.catalogue is not None
    assert opened.settings is not None
    _, total = await opened.catalogue.list(owner=owner, limit=1)
    typer.echo(f"{total} documents in {opened.settings.data_dir}")


@hookimpl
def pdfsluice_register_commands() -> Sequence[CommandSpec]:
    needs = frozenset({Need.SETTINGS, Need.CATALOGUE})
    return [
        CommandSpec(
            name="count", help="Count the documents.", target="acme_count:count", needs=needs
        )
    ]
