"""Frozen records, as frozen dataclasses are, made in a hundredth of the time and without `inspect`: a start makes each class anew."""

from __future__ import annotations

from collections.abc import Mapping

from handler.light_typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Frozen:
    """A record whose fields are the annotated names of its class, in order. A subclass has no more fields than its own.

    Fields whose names begin with an underscore are neither compared nor shown.

    Examples:
        >>> class Point(Frozen):
        ...     x: int
        ...     y: int = 0
        >>> Point(1), Point(1, y=2) == Point(1, 2)
        (Point(x=1, y=0), True)
    """

    # The fields' names, with their types as they are written.
    _fields: ClassVar[Mapping[str, str]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._fields = cls.__annotations__
        cls._defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises TypeError where a field has no value or two, or there is no such field."""
        if not kwargs and len(args) == len(self._fields):
            # A request makes one of each hit, always so.
            self.__dict__.update(zip(self._fields, args, strict=True))
            return
        values = dict(zip(self._fields, args, strict=False))
        twice, unknown = values.keys() & kwargs.keys(), kwargs.keys() - self._fields.keys()
        if len(args) > len(self._fields) or twice or unknown:
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}, each once")
        values |= kwargs
        if len(values) < len(self._fields):
            values = {**self._defaults, **values}
            if missing := self._fields.keys() - values.keys():
                raise TypeError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        vars(self).update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be deleted")

    def _compared(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in self._fields if not name.startswith("_")}

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._compared().values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._compared().items())
        return f"{type(self).__name__}({shown})"

    def _replace(self, **changes: Any) -> Self:
        """Returns a copy with other values, as a named tuple's `_replace` does."""
        return type(self)(**{**vars(self), **changes})
