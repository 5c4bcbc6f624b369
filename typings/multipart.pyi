# The part of the distribution "multipart" that is used here. A distribution that the extra "mcp"
# installs (python-multipart) has a package of the same name, which loads this module at run time
# and hides it from type checkers.

from collections.abc import Iterator

class MultipartError(ValueError): ...

class MultipartSegment:
    name: str | None
    filename: str | None

class PushMultipartParser:
    def __init__(self, boundary: str | bytes) -> None: ...
    def parse(self, chunk: bytes) -> Iterator[MultipartSegment | bytes | None]: ...
