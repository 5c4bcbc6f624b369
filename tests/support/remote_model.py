"""An embedding model with OpenAI's interface."""

import hashlib
import json
import re

import numpy as np
from aiohttp import web


class RemoteModel:
    """Implements OpenAI's embedding interface: texts that share words are near."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.models: set[str] = set()
        self.broken = False

    async def embeddings(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.json_response({"error": {"message": "bad", "type": "x"}}, status=400)
        body = json.loads(await request.text())
        self.keys.add(request.headers["Authorization"])
        self.models.add(body["model"])
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": number, "embedding": self._vector(text)}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        reply = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        return web.json_response(reply)

    @staticmethod
    def _vector(text: str) -> list[float]:
        vector = np.full(64, 0.001)
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word[:3].encode()).digest()[0] % 64] += 1
        return [float(value) for value in vector / np.linalg.norm(vector)]
