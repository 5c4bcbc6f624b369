"""`pdfsluice search`."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.search import Match, Passage, SearchAnswer, SearchFilter

from .console import err, out, print_json
from .failures import run
from .invocation import typed
from .matching import has_word_of
from .options import (
    Authority,
    Json,
    KeyFile,
    Server,
    connect,
)

_MIN_MARKED_LETTERS = 3


def search(
    query: Annotated[
        list[str], typer.Argument(metavar="WORD", help="Words or a question to search for.")
    ],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    top_k: Annotated[
        int, typer.Option("--top-k", "-k", min=1, max=100, help="Number of passages to print.")
    ] = 5,
    title: Annotated[
        str, typer.Option("--title", help="Only documents with this in their title or file name.")
    ] = "",
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only documents with this tag; repeatable.")
    ] = None,
    match: Annotated[
        Match | None,
        typer.Option("--match", help="Find by words or by meaning alone; by default by both."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Search the documents and print the passages that fit best, with their pages."""
    words = typed(" ".join(query)).strip()
    if not words:
        raise typer.BadParameter("give words to search for", param_hint="'WORD'")
    where = SearchFilter(title=typed(title), tags=tuple(map(typed, tag or ())))
    connected = partial(connect, server, key_file, ca)
    wanted = where if where.as_request() else None
    answer = run(_search(connected, words, top_k, wanted, match), as_json=as_json)
    passages = answer.results
    if as_json:
        for passage in passages:
            print_json(passage)
        return
    if not passages:
        reason = answer.note or "Only documents with an index are searched."
        err.print(f"Nothing was found. {escape(reason)}", soft_wrap=True)
        return
    if not any(has_word_of(passage.text, words) for passage in passages):
        err.print(
            "Nothing fits: no passage has a word of the query. These are the nearest in meaning:\n"
        )
    print_passages(passages, words)
    if answer.note:
        err.print(escape(answer.note), soft_wrap=True)


async def _search(
    connected: Callable[[], Client],
    query: str,
    top_k: int,
    where: SearchFilter | None,
    match: Match | None,
) -> SearchAnswer:
    async with connected() as client:
        return await client.search_page(query, top_k=top_k, where=where, match=match)


def print_passages(passages: Iterable[Passage], query: str) -> None:
    """Print passages, best first, with the words of the query marked."""
    words = [word for word in query.split() if len(word) >= _MIN_MARKED_LETTERS]
    for number, passage in enumerate(passages, 1):
        heading = Text.assemble(
            f"{number}. ",
            (passage.title, "bold"),
            f", page {passage.page}{_printed(passage)}",
            (f"  document {passage.document_id}, score {passage.score:.3f}", "dim"),
        )
        text = Text(" ".join(passage.text.split()))
        text.highlight_words(words, "bold yellow", case_sensitive=False)
        out.print(heading)
        out.print(Padding(text, (0, 0, 1, 3)))


def _printed(passage: Passage) -> str:
    """Return the printed number of a page if it is another."""
    label = passage.place.label if passage.place else ""
    return f" (printed {label})" if label and label != str(passage.page) else ""
