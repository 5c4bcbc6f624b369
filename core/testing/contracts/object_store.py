"""What every object store must do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from pdfsluice.core import NotFound, ObjectStore

from .reopening import NOT_LASTING

_MIB = 1024 * 1024
_MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)


def read_object(objects: ObjectStore, name: str, offset: int, length: int) -> bytes:
    """Return what is there of a range of an object."""
    buffer = bytearray(length)
    return bytes(buffer[: objects.read_into(name, offset, memoryview(buffer))])


class ObjectStoreContract:
    """The tests of an object store.

    Override ``objects`` with a fixture that returns an empty object store. Override
    ``another``, too, if the objects outlive the process.
    """

    @pytest.fixture
    def objects(self) -> ObjectStore:
        raise NotImplementedError("override the fixture 'objects'")

    @pytest.fixture
    def another(self, objects: ObjectStore) -> ObjectStore:  # noqa: ARG002 - opened after it
        """The same object store, opened again as a server does at its next start."""
        pytest.skip(NOT_LASTING.replace("reopen", "another"))

    @pytest.fixture
    def name(self) -> str:
        """Return a new name."""
        return f"uploads/{uuid4()}/0-{uuid4().hex}"

    def test_objects_are_there_after_opening_again(
        self, objects: ObjectStore, another: ObjectStore, name: str
    ) -> None:
        for each in (name, f"{name}0"):
            objects.put(each, memoryview(b"0123456789"))
        objects.delete([f"{name}0"])
        assert read_object(another, name, 3, 4) == b"3456"
        assert another.size(f"{name}0") is None
        assert [item.name for item in another.list(name.rpartition("/")[0])] == [name]

    def test_an_object_is_read_as_it_was_stored(self, objects: ObjectStore, name: str) -> None:
        objects.put(name, memoryview(b"0123456789"))
        assert read_object(objects, name, 0, 10) == b"0123456789"
        assert read_object(objects, name, 3, 4) == b"3456"
        assert read_object(objects, name, 8, 10) == b"89"
        assert objects.size(name) == 10

    def test_an_object_has_any_bytes(self, objects: ObjectStore, name: str) -> None:
        data = bytes(range(256)) * 4096 + b"\r\n\0"
        objects.put(name, memoryview(data)[1:])
        assert read_object(objects, name, 0, len(data)) == data[1:]

    def test_an_object_is_stored_in_parts(self, objects: ObjectStore, name: str) -> None:
        parts = [bytes([number]) * (6 * _MIB + number) for number in range(3)]
        objects.put_parts(name, iter(parts))
        assert objects.size(name) == sum(map(len, parts))
        assert read_object(objects, name, 6 * _MIB - 1, 3) == b"\0\1\1"

    def test_parts_that_break_off_store_nothing(self, objects: ObjectStore, name: str) -> None:
        def parts() -> Iterator[bytes]:
            for number in range(3):
                yield bytes([number]) * (6 * _MIB)
            raise NotFound("the source is gone")

        with pytest.raises(NotFound, match="source is gone"):
            objects.put_parts(name, parts())
        assert objects.size(name) is None

    def test_what_is_not_there_is_not_found(self, objects: ObjectStore, name: str) -> None:
        assert objects.size(name) is None
        with pytest.raises(NotFound):
            read_object(objects, name, 0, 1)
        with pytest.raises(NotFound):
            objects.copy(name, f"{name}0")

    def test_a_copy_stays_when_its_source_goes(self, objects: ObjectStore, name: str) -> None:
        objects.put(name, memoryview(b"abc"))
        objects.copy(name, f"{name}0")
        objects.delete([name])
        assert objects.size(name) is None
        assert read_object(objects, f"{name}0", 0, 3) == b"abc"

    def test_many_objects_are_deleted(self, objects: ObjectStore, name: str) -> None:
        names = [f"{name}{number}" for number in range(20)]
        for each in names:
            objects.put(each, memoryview(b"x"))
        objects.delete([*names, f"{name}-missing"])
        objects.delete([f"{name}-missing"])
        objects.delete([])
        assert [objects.size(each) for each in names] == [None] * 20

    def test_a_folder_is_listed(self, objects: ObjectStore, name: str) -> None:
        folder = name.rpartition("/")[0]
        for each in (name, f"{name}0", f"{folder}0/1-{uuid4().hex}"):
            objects.put(each, memoryview(b"abc"))
        items = list(objects.list(folder))
        assert sorted(item.name for item in items) == [name, f"{name}0"]
        assert {item.size for item in items} == {3}
        now = datetime.now(UTC)
        assert all(abs(now - item.modified) < _MAX_CLOCK_DIFFERENCE for item in items)
        assert list(objects.list(f"{folder}-missing")) == []
