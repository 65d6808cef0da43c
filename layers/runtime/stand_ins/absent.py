"""Stands in for a module that nothing calls: its names can be imported, and stand in annotations, but not be called."""

from __future__ import annotations

# What `from module import *` would take.
__all__: list[str] = []


class Absent:
    """Any of the names."""

    def __class_getitem__(cls, _parameters: object) -> type:
        return cls

    def __new__(cls, *_: object, **__: object) -> Absent:
        """Raises NotImplementedError."""
        raise NotImplementedError("this layer is without it: layers/runtime/prune.txt says why")


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return Absent
