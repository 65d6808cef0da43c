"""Named tuples and frozen records, compared with typing's and dataclasses' own."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import types
import typing
from collections.abc import Callable
from typing import Any

import pytest

from handler import named
from handler.frozen import Frozen


class Theirs(typing.NamedTuple):
    """A point."""

    x: int
    y: int = 0
    name: str = ""

    @property
    def total(self) -> int:
        return self.x + self.y


class Ours(named.NamedTuple):
    """A point."""

    x: int
    y: int = 0
    name: str = ""

    @property
    def total(self) -> int:
        return self.x + self.y


class Record(Frozen):
    """A point."""

    x: int
    y: int = 0
    _hidden: Callable[[], int] | None = None


@dataclasses.dataclass(frozen=True)
class Dataclass:
    x: int
    y: int = 0
    _hidden: Callable[[], int] | None = dataclasses.field(default=None, repr=False, compare=False)


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, "a"), {}),
    ((1,), {"name": "b"}),
    ((), {"x": 1, "y": 3}),
    ((), {}),
    ((1, 2, "a", 4), {}),
    ((1,), {"x": 2}),
    ((1,), {"z": 2}),
    ((1, 2, "a"), {"name": "b"}),
]


def outcome(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return make(*args, **kwargs)
    except TypeError:
        return TypeError


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_a_named_tuple_is_made_as_typings(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert outcome(Ours, args, kwargs) == outcome(Theirs, args, kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, "a", 4), {}), ((1,), {"x": 2}), ((1,), {"z": 2})]
)
def test_what_is_wrong_is_said_as_typing_says_it(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as theirs:
        Theirs(*args, **kwargs)
    with pytest.raises(TypeError) as ours:
        Ours(*args, **kwargs)
    assert str(ours.value) == str(theirs.value).replace("Theirs", "Ours")


def test_a_field_with_a_default_comes_last() -> None:
    def annotate(namespace: dict[str, Any]) -> None:
        namespace |= {"__annotations__": {"x": "int", "y": "int"}, "x": 1}

    for base in (typing.NamedTuple, named.NamedTuple):
        with pytest.raises(TypeError, match="default"):
            types.new_class("Bad", (base,), exec_body=annotate)


def test_a_named_tuple_does_what_typings_does() -> None:
    ours: Any = Ours(1, name="a")
    theirs: Any = Theirs(1, name="a")
    assert ours == theirs == (1, 0, "a")
    assert hash(ours) == hash(theirs)
    assert repr(ours).removeprefix("Ours") == repr(theirs).removeprefix("Theirs")
    assert (ours.total, ours.y, ours._asdict()) == (theirs.total, theirs.y, theirs._asdict())
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)
    made: tuple[Any, Any] = (Ours._make([1, 2, "b"]), Theirs._make([1, 2, "b"]))
    assert made[0] == made[1]
    assert ours._replace(y=5) == theirs._replace(y=5) == (1, 5, "a")
    assert issubclass(Ours, tuple)
    assert Ours.__doc__ == "A point."
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(ours, protocol))
        assert (type(back), back) == (Ours, ours)
    assert copy.deepcopy(ours) == ours
    with pytest.raises(AttributeError):
        ours.x = 2
    with pytest.raises(AttributeError):
        ours.z = 2
    with pytest.raises(TypeError):
        ours._replace(z=2)
    match ours:
        case Ours(x, y, name):
            assert (x, y, name) == (1, 0, "a")


@pytest.mark.parametrize(("args", "kwargs"), [call for call in CALLS if "name" not in call[1]])
def test_a_record_is_made_as_a_dataclass(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    ours, theirs = outcome(Record, args, kwargs), outcome(Dataclass, args, kwargs)
    if theirs is TypeError:
        assert ours is TypeError
    else:
        assert vars(ours) == vars(theirs)


def test_a_record_does_what_a_dataclass_does() -> None:
    ours, theirs = Record(1, 2, _hidden=int), Dataclass(1, 2, _hidden=int)
    assert repr(ours).removeprefix("Record") == repr(theirs).removeprefix("Dataclass") == "(x=1, y=2)"
    assert ours == Record(1, 2)
    assert ours != Record(1, 3)
    assert ours != theirs
    assert hash(ours) == hash(Record(1, 2)) == hash(theirs)
    assert ours._replace(y=7) == Record(1, 7)
    assert ours._replace(y=7)._hidden is int
    assert pickle.loads(pickle.dumps(ours)) == copy.deepcopy(ours) == ours
    with pytest.raises(AttributeError, match="is frozen: x can't be set"):
        ours.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="is frozen: x can't be deleted"):
        del ours.x
