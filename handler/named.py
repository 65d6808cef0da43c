"""Named tuples as typing has them, but for their making: without code that is written and compiled for each class.

typing's takes 0.2 ms for a class, and a start makes thirty. A request makes as many tuples, so making one is as fast as with
typing's. Type checkers see typing's own.
"""

from __future__ import annotations

# Type checkers take this name for true.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from _collections import _tuplegetter
    from types import FunctionType

    _pack = tuple.__new__
    # The `__new__` of a class by the number of its fields. A class has a copy of the code, with its own fields' names.
    _TEMPLATES = (
        lambda cls, /: _pack(cls, ()),
        lambda cls, /, a: _pack(cls, (a,)),
        lambda cls, /, a, b: _pack(cls, (a, b)),
        lambda cls, /, a, b, c: _pack(cls, (a, b, c)),
        lambda cls, /, a, b, c, d: _pack(cls, (a, b, c, d)),
        lambda cls, /, a, b, c, d, e: _pack(cls, (a, b, c, d, e)),
        lambda cls, /, a, b, c, d, e, f: _pack(cls, (a, b, c, d, e, f)),
        lambda cls, /, a, b, c, d, e, f, g: _pack(cls, (a, b, c, d, e, f, g)),
        lambda cls, /, a, b, c, d, e, f, g, h: _pack(cls, (a, b, c, d, e, f, g, h)),
        lambda cls, /, a, b, c, d, e, f, g, h, i: _pack(cls, (a, b, c, d, e, f, g, h, i)),
        lambda cls, /, a, b, c, d, e, f, g, h, i, j: _pack(cls, (a, b, c, d, e, f, g, h, i, j)),
        lambda cls, /, a, b, c, d, e, f, g, h, i, j, k: _pack(cls, (a, b, c, d, e, f, g, h, i, j, k)),
    )

    class _Maker(type):
        """Makes a class's annotated names its fields, in order; what a name is set to is the field's default."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
            made = super().__new__(cls, name, bases, {"__slots__": (), **namespace})
            made._fields = made.__match_args__ = tuple(made.__annotations__)
            made._field_defaults = {field: namespace[field] for field in made._fields if field in namespace}
            made.__new__ = _new(name, made._fields, made._field_defaults)
            for place, field in enumerate(made._fields):
                setattr(made, field, _tuplegetter(place, f"Field {place}."))
            return made

    def _new(name: str, fields: tuple[str, ...], defaults: dict[str, Any]) -> FunctionType:
        """Makes the `__new__` of a class. Python itself then counts the arguments, and fills in the defaults."""
        if tuple(defaults) != fields[len(fields) - len(defaults) :]:
            raise TypeError(f"{name} has a field without a default behind one with a default")
        code = _TEMPLATES[len(fields)].__code__
        qualified = f"{name}.__new__"
        code = code.replace(co_varnames=("cls", *fields), co_name="__new__", co_qualname=qualified)
        return FunctionType(code, globals(), "__new__", tuple(defaults.values()))

    class NamedTuple(tuple, metaclass=_Maker):
        """A tuple whose items have names. It has the methods of collections.namedtuple; `_make` fills in defaults besides."""

        @classmethod
        def _make(cls, values: Any) -> Any:
            return cls(*values)

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, /, **changes: Any) -> Any:
            made = _pack(type(self), map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(f"{type(self).__name__} has no {', '.join(changes)}")
            return made

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            shown = ", ".join([f"{name}={value!r}" for name, value in self._asdict().items()])
            return f"{type(self).__name__}({shown})"


__all__ = ["NamedTuple"]
