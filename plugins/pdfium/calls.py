"""Calls of PDFium that convert no arguments: that would take most of their time.

Arguments are small numbers, or objects of :mod:`ctypes` that were made beforehand: a pointer, the
result of another call, ``byref`` of memory. Nothing checks them.
"""

import ctypes
from collections.abc import Callable
from typing import Any


class Address(ctypes.c_void_p):
    """The address of an object of PDFium; its ``value`` is ``None`` if there is none."""


def unchecked(function: Any, result: Any = ctypes.c_int) -> Callable[..., Any]:
    """Return a function of PDFium that takes its arguments as they are.

    Args:
        function: The function of :mod:`pypdfium2.raw`.
        result: The type of its result: a number, or :class:`Address`.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result)(address)


def address_of(handle: Any) -> int:
    """Return the address of an object of PDFium, which identifies it."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
