"""The built-in model: the right files, the right vectors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.encoder import (
    MINILM_MODEL,
    MINILM_TOKENIZER,
    Encoder,
    EncoderUnavailable,
    InstalledFile,
)
from tests.support.shares import examples


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.minilm(threads=2)


def test_meaning_is_near_to_meaning(encoder: Encoder) -> None:
    cat, kitten, pump, motor = encoder.encode(
        [
            "The cat sat on the mat.",
            "A kitten was resting on a rug.",
            "The pump restarts by itself after a power failure.",
            "What does the motor do when the electricity comes back?",
        ]
    )
    assert cat @ kitten > 0.5 > cat @ pump
    assert pump @ motor > 0.4 > cat @ motor


@pytest.mark.long
@given(texts=st.lists(st.text(max_size=300), min_size=1, max_size=9))
@settings(max_examples=examples(25), deadline=None)
def test_a_vector_does_not_depend_on_its_neighbours(encoder: Encoder, texts: list[str]) -> None:
    together = encoder.encode(texts)
    assert together.shape == (len(texts), 384)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        assert float(encoder.encode([text])[0] @ vector) > 0.9999


def test_nothing_gives_nothing(encoder: Encoder) -> None:
    assert len(encoder.encode([])) == 0


def test_tokens_are_counted_past_the_length_of_the_model(encoder: Encoder) -> None:
    assert len(encoder.tokenize("pump " * 1000)) == 1000
    assert len(encoder.encode(["pump " * 1000])) == 1


def test_another_file_is_refused() -> None:
    with pytest.raises(EncoderUnavailable, match="expected was 0000"):
        InstalledFile("pytest", "pytest/__init__.py", sha256="0" * 64).located()


@pytest.mark.parametrize(
    ("name", "path"), [("pytest", "no/such.onnx"), ("no-such-distribution", "model.onnx")]
)
def test_a_missing_file_is_named(name: str, path: str) -> None:
    with pytest.raises(EncoderUnavailable, match=name):
        InstalledFile(name, path, sha256="0" * 64).located()


def test_nothing_is_noted_for_the_maker_of_the_runtime(tmp_path: Path) -> None:
    """ONNX Runtime would keep a device id and usage records in the home directory."""
    code = (
        "from pdfsluice.plugins.llamaindex.encoder import Encoder;"
        "Encoder.minilm(threads=1).encode(['text'])"
    )
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_ones_own(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(EncoderUnavailable, match=r"model\.onnx"):
        Encoder.from_folder(tmp_path, threads=1)
    (tmp_path / "model.onnx").symlink_to(MINILM_MODEL.located())
    with pytest.raises(EncoderUnavailable, match=r"tokenizer\.json"):
        Encoder.from_folder(tmp_path, threads=1)
    (tmp_path / "tokenizer.json").symlink_to(MINILM_TOKENIZER.located())
    own = Encoder.from_folder(tmp_path, threads=1)
    assert own.identity != encoder.identity
    assert float(own.encode(["text"])[0] @ encoder.encode(["text"])[0]) > 0.9999
