"""A command of a plugin receives what it names in ``needs``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pytest
import typer

from pdfsluice.cli.program import load_command
from pdfsluice.core import CommandSpec, Need, Opened, PageText, PluginError, SessionState
from pdfsluice.core.testing.contracts.samples import make_document, make_session
from pdfsluice.plugins.llamaindex.index import ProcessIndex
from tests.support.databases import sql_context, sql_stores

received: list[Opened] = []


async def keep(
    opened: Opened, word: Annotated[str, typer.Option(help="A word to print.")] = "none"
) -> None:
    """Keep what is opened."""
    received.append(opened)
    typer.echo(word)


async def count(opened: Opened) -> None:
    """Count what the stores have."""
    assert opened.sessions is not None
    assert opened.catalogue is not None
    sessions = await opened.sessions.count(list(SessionState))
    _, documents = await opened.catalogue.list(owner=None)
    typer.echo(f"{sessions} sessions, {documents} documents")


async def search(opened: Opened) -> None:
    """Add a document to the index and find it."""
    assert isinstance(opened.index, ProcessIndex)
    assert opened.catalogue is not None
    document = await opened.catalogue.add(make_document(), [])
    await opened.index.add_pages(document, [PageText(1, "The sluice is open.")])
    hits = await opened.index.search("sluice", top_k=5, owner=None)
    typer.echo(f"found {[hit.document_id for hit in hits] == [document.id]}")


def plain() -> None:
    """Do nothing."""


async def unawaited() -> None:
    """Do nothing, because nothing awaits it."""


NOT_A_FUNCTION = 3


def run(target: str, needs: frozenset[Need], *arguments: str, name: str = "try") -> None:
    spec = CommandSpec(name=name, help="Try.", target=f"{__name__}:{target}", needs=needs)
    load_command(spec).main(args=list(arguments), prog_name=name, standalone_mode=False)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a server that does not run."""
    monkeypatch.setenv("PDFSLUICE_DATA_DIR", str(tmp_path))
    received.clear()
    return tmp_path


@pytest.mark.parametrize("need", Need)
def test_what_a_command_names_is_opened_and_nothing_else(need: Need, data_dir: Path) -> None:
    run("keep", frozenset({need}))
    (opened,) = received
    fields = {each: getattr(opened, each) for each in Need}
    assert [each for each, value in fields.items() if value is not None] == [need]
    if opened.settings is not None:
        assert opened.settings.data_dir == data_dir


def test_its_own_options_come_after_what_is_opened(capsys: pytest.CaptureFixture[str]) -> None:
    run("keep", frozenset({Need.SETTINGS}), "--word", "sluice")
    assert capsys.readouterr().out == "sluice\n"


def test_a_settings_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PDFSLUICE_DATA_DIR")
    file = tmp_path / "pdfsluice.toml"
    file.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n')
    run("keep", frozenset({Need.SETTINGS}), "--config", str(file))
    (opened,) = received
    assert opened.settings is not None
    assert opened.settings.data_dir == tmp_path / "elsewhere"


@pytest.fixture
async def stored(data_dir: Path) -> None:
    """Two sessions and a document, as a server leaves them."""
    async with sql_stores(sql_context(data_dir / "state")) as (sessions, catalogue):
        for _ in range(2):
            await sessions.create(make_session())
        await catalogue.add(make_document(), [])


def test_stores_have_what_a_server_has_stored(
    stored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    run("count", frozenset({Need.SESSIONS, Need.CATALOGUE}))
    assert capsys.readouterr().out == "2 sessions, 1 documents\n"


@pytest.mark.long  # a process that loads the index
def test_the_index_is_that_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    run("search", frozenset({Need.INDEX, Need.CATALOGUE}))
    assert capsys.readouterr().out == "found True\n"


@pytest.mark.parametrize(
    ("target", "needs", "words"),
    [
        ("plain", [Need.INDEX], ["'try'", "needs", "async def"]),
        ("unawaited", [Need.INDEX], ["'try'", "first parameter"]),
        ("unawaited", [], ["'try'", "async def", "await"]),
        ("nothing", [], ["'try'", "cannot be imported", "nothing"]),
        ("NOT_A_FUNCTION", [], ["'try'", "int", "a function"]),
    ],
)
def test_a_target_that_does_not_fit_is_named(
    target: str, needs: Sequence[Need], words: Sequence[str]
) -> None:
    with pytest.raises(PluginError) as error:
        run(target, frozenset(needs))
    for word in words:
        assert word in str(error.value)
