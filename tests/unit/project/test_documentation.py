"""The documentation is consistent: pages are current, links have targets."""

import re
import runpy
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
sys.path.append(str(DOCS))  # as when it is run: it imports a module of its folder
GENERATED = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page: str) -> None:
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == GENERATED[page](), "run `make docs`"


def test_links_lead_somewhere() -> None:
    """One test for all pages: each leads to others, which are parsed once for all."""
    astray = [
        (name(page), link)
        for page in PAGES
        for link in links(page)
        if not leads_somewhere(page, link)
    ]
    assert astray == []


def test_the_readme_leads_to_each_page() -> None:
    readme = ROOT / "README.md"
    targets = {target(readme, link) for link in links(readme)}
    assert [name(page) for page in PAGES if DOCS in page.parents and page not in targets] == []


def links(page: Path) -> Iterator[str]:
    """Yield the targets of all links and pictures that are not on other sites."""
    for token in inline(page):
        found = token.attrGet("href") or token.attrGet("src")
        if found and not urlsplit(str(found)).scheme:
            yield str(found)


def target(page: Path, link: str) -> Path:
    path = unquote(urlsplit(link).path)
    return (page.parent / path).resolve() if path else page


def leads_somewhere(page: Path, link: str) -> bool:
    place, anchor = target(page, link), urlsplit(link).fragment
    if not anchor:
        return place.exists()
    return place.is_file() and anchor in anchors(place)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page: those of its headings, and those in HTML."""
    seen: Counter[str] = Counter()
    found = set(re.findall(r'<\w+ (?:id|name)="([^"]+)"', page.read_text(encoding="utf-8")))
    tokens = parsed(page)
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in content.children or ())
            slug = slug_of(text)
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return frozenset(found)


def slug_of(heading: str) -> str:
    """Keep letters, digits, hyphens and underscores; a space becomes a hyphen."""
    kept = (
        letter
        for letter in heading.strip().lower()
        if letter in " -_" or unicodedata.category(letter)[0] in "LNM"
    )
    return "".join(kept).replace(" ", "-")


def inline(page: Path) -> Iterator[Token]:
    for token in parsed(page):
        yield from token.children or ()


@cache
def parsed(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("`PluginContext`", "plugincontext"),
        ("Where things are", "where-things-are"),
        ("`[plugins.policy]`", "pluginspolicy"),
        ("Add a stage: gate & co.", "add-a-stage-gate--co"),
    ],
)
def test_anchors_are_made_as_on_github(heading: str, anchor: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# {heading}\n\n# {heading}\n")
    assert anchors(page) == {anchor, f"{anchor}-1"}


def test_a_link_into_nothing_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n\n[a](#here) [b](#there) [c](gone.md) [d](page.md#here)\n")
    assert [link for link in links(page) if not leads_somewhere(page, link)] == [
        "#there",
        "gone.md",
    ]
