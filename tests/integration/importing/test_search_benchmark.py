"""The benchmark of search runs; on generated pages its ranks are certain."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf

ROOT = Path(__file__).parents[3]


@pytest.mark.nightly
def test_smoke_run(tmp_path: Path) -> None:
    output, reports = tmp_path / "results.json", tmp_path / "reports"
    write_reports(reports)
    command = [
        *(sys.executable, "benchmarks/search/run.py", "--quick", "--words"),
        *("--reports", str(reports), "--editions", "2", "--json", str(output)),
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    results = {result["what"]: result["value"] for result in json.loads(output.read_text())}
    for kind in ("identifiers", "quoted phrases", "phrases"):
        assert results[f"generated: {kind} first"] == 1.0
    assert results["search: p50"] > 0
    assert results["reports: page among 1"] == 1.0, "that of the report, of no other edition"


def write_reports(folder: Path) -> None:
    """Write reports of two companies, and a question about each."""
    (folder / "pdf").mkdir(parents=True)
    questions = []
    for name, page in (("ORIONWATER_2021_10K", 2), ("VEGA_2022_10K", 1)):
        texts = ["Net income was 17 in all.", "The dividend of each share was 31."]
        (folder / "pdf" / f"{name}.pdf").write_bytes(make_pdf(texts))
        subject = "net income" if page == 1 else "dividend of each share"
        company, year, _ = name.split("_")
        questions.append(
            {
                "question": f"What was the {subject} of {company} in {year}?",
                "document": f"{name}.pdf",
                "evidence": [{"page": page}],
            }
        )
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    (folder / "questions.jsonl").write_text(lines)
