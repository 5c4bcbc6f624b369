"""Wrong settings of the index stop the start and are named."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.recipe import Recipe


@pytest.mark.parametrize(
    "settings",
    [
        {"chunk_tokens": 100, "chunk_overlap": 100},
        {"embedding": "onnx"},
        {"embedding": "no such"},
        {"vector_store": "postgres"},
        {"threads": -1},
        {"unknown": 1},
    ],
)
def test_wrong_settings_stop_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        IndexOptions(**settings)


def test_a_recipe_survives_the_way_to_the_child_and_shows_no_key() -> None:
    options = IndexOptions(api_key=SecretStr("k-123"), threads=3)
    recipe = options.recipe(Path("/data/index"))
    assert Recipe(**recipe.as_message()) == recipe
    assert recipe.threads == 3
    assert recipe.api_key == "k-123"
    assert "k-123" not in repr(recipe) + repr(options)


def test_one_processor_is_left_to_others() -> None:
    assert 1 <= IndexOptions().recipe(Path("x")).threads <= 4
