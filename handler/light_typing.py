"""The names of `typing` as a start has them: without `typing` itself, whose import takes a twentieth of the start.

    typing is imported already  ->  its own names
    it isn't, as on Lambda      ->  stand-ins, which are enough for annotations that nobody reads

Type checkers see typing's own. FastAPI reads annotations, so what it sees imports `typing`: openapi.py and schemas/.
"""

from __future__ import annotations

import sys

# Type checkers take this name for true.
TYPE_CHECKING = False

if TYPE_CHECKING or "typing" in sys.modules:
    from typing import (
        Any,
        ClassVar,
        NamedTuple,
        NoReturn,
        Protocol,
        Self,
        SupportsIndex,
        TypeAlias,
        TypeVar,
        dataclass_transform,
    )
else:
    from handler.named import NamedTuple

    class Any:
        """Stands for a name. It can be subscribed, called, and inherited from."""

        def __init__(self, *_: object, **__: object) -> None: ...

        def __class_getitem__(cls, _: object) -> type:
            return cls

    class Protocol:
        """Stands for a class that is inherited from, and makes objects as a class without a base does."""

        def __class_getitem__(cls, _: object) -> type:
            return cls

    ClassVar = NoReturn = Self = SupportsIndex = TypeAlias = TypeVar = Any

    def dataclass_transform(**_: object) -> object:
        """Decorates nothing: the decorator is for type checkers."""
        return lambda decorated: decorated


def lend(packages: tuple[str, ...]) -> None:
    """Imports packages, to whose `import typing` this module answers.

    A process that has imported typing already imports them as ever.
    """
    name, borrowed = "typing", sys.modules[__name__]
    sys.modules.setdefault(name, borrowed)
    try:
        for package in packages:
            __import__(package)
    finally:
        if sys.modules.get(name) is borrowed:
            del sys.modules[name]


def __getattr__(name: str) -> object:
    """Gives a name that has no stand-in: typing's own."""
    if name.startswith("__"):
        raise AttributeError(name)
    if sys.modules.get("typing") is sys.modules[__name__]:
        del sys.modules["typing"]
    import typing

    return getattr(typing, name)


__all__ = [
    "TYPE_CHECKING",
    "Any",
    "ClassVar",
    "NamedTuple",
    "NoReturn",
    "Protocol",
    "Self",
    "SupportsIndex",
    "TypeAlias",
    "TypeVar",
    "dataclass_transform",
    "lend",
]
