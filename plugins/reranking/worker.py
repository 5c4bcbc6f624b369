"""The child process that runs a node postprocessor of LlamaIndex."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from pdfsluice.core import serve


class Worker:
    """The holder of the postprocessor, which is loaded once."""

    def __init__(self) -> None:
        self._postprocessor: BaseNodePostprocessor | None = None

    def answer(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Return the numbers of the passages in their new order, from 0."""
        if self._postprocessor is None:
            self._postprocessor = load(request["postprocessor"], request["options"])
        nodes = [
            NodeWithScore(node=TextNode(id_=str(number), text=text), score=score)
            for number, (text, score) in enumerate(request["passages"])
        ]
        if not nodes:
            return {"order": []}
        ranked = self._postprocessor.postprocess_nodes(nodes, query_str=request["query"])
        return {"order": [int(node.node.node_id) for node in ranked]}


def load(path: str, options: Mapping[str, Any]) -> BaseNodePostprocessor:
    """Import and make a postprocessor.

    Raises:
        TypeError: It is no node postprocessor.
    """
    module, _, name = path.partition(":")
    postprocessor = getattr(import_module(module), name)(**options)
    if not isinstance(postprocessor, BaseNodePostprocessor):
        raise TypeError(f"{path} is no node postprocessor of LlamaIndex")
    return postprocessor


if __name__ == "__main__":
    serve(Worker().answer)
