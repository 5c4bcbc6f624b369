"""All stages together on labelled real files, where these are at hand."""

import asyncio
import csv
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.findings import Decision, Revision
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.registry import choose
from pdfsluice.core.runtime.registry import build_registry
from pdfsluice.core.scanning.inspection import Inspection, Inspector

ROOT = Path(__file__).parents[3]
CORPUS = Path(os.environ.get("PDFSLUICE_CORPUS", ROOT.parent / "shared" / "corpus"))

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        not (CORPUS / "labels.tsv").is_file(),
        reason="the labelled corpus is not here; PDFSLUICE_CORPUS names its folder",
    ),
]


@dataclass(frozen=True)
class Labelled:
    label: str
    kinds: frozenset[str]
    result: Inspection

    @property
    def found(self) -> frozenset[str]:
        current = (f for f in self.result.findings if f.revision is Revision.CURRENT)
        return frozenset(str(finding.kind) for finding in current)

    @property
    def name(self) -> str:
        return self.result.path.name


@pytest.fixture(scope="module")
def files() -> list[Labelled]:
    return asyncio.run(_inspect_all())


async def _inspect_all() -> list[Labelled]:
    manager, loaded = load_all()
    registry = build_registry(loaded, manager, EventHub())
    policy = choose("policies", registry.policies, loaded.settings.policy).policy
    with (CORPUS / "labels.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    labelled: list[Labelled] = []
    async with Inspector(registry, policy, chunk_size=1 << 20) as inspector:
        for row in rows:
            result = await inspector.inspect(CORPUS / "pdf" / row["file"])
            kinds = frozenset(filter(None, row["kinds"].split(",")))
            labelled.append(Labelled(row["label"], kinds, result))
    return labelled


def test_no_file_is_an_error(files: list[Labelled]) -> None:
    assert {file.name: file.result.error for file in files if file.result.error} == {}


def test_no_benign_file_is_refused(files: list[Labelled]) -> None:
    refused = [f.name for f in files if f.label == "benign" and f.result.decision != Decision.NOTE]
    assert refused == []


def test_everything_labelled_is_found(files: list[Labelled]) -> None:
    missed = {f.name: f.kinds - f.found for f in files if f.kinds - f.found}
    assert missed == {}


def test_nothing_else_is_found_in_whole_files(files: list[Labelled]) -> None:
    """The content of what cannot be opened is not known; its labels are a part."""
    surplus = Counter(
        kind
        for file in files
        if file.label in {"benign", "active"}
        for kind in file.found - file.kinds
    )
    assert surplus == {}


def test_what_opens_leaves_nothing_unscanned_but_attachments(files: list[Labelled]) -> None:
    reasons = {
        item.reason
        for file in files
        if file.label in {"benign", "active"}
        for item in file.result.unscanned
    }
    assert reasons <= {"nested-document"}


def test_facts_are_known_of_what_opens(files: list[Labelled]) -> None:
    benign = [file for file in files if file.label == "benign"]
    assert all(file.result.facts["page_count"] > 0 for file in benign)
    assert all(file.result.facts["sha256"] for file in benign)
