"""typing's names without typing: its own where it is loaded, stand-ins that are enough for the handler where it isn't."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

from command import ROOT

from benchmarks.timeline import PARTS
from handler import light_typing

# It runs where nothing is imported that imports typing.
BARE = """
import sys
sys.path[:0] = {path!r}
assert "typing" not in sys.modules
{code}
"""
USED = """
from handler.light_typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, dataclass_transform
T = TypeVar("T", bound="Shape")
class Shape(Protocol):
    sides: ClassVar[int] = 4
    def turned(self) -> Self: ...
class Named(Protocol[T]): ...
class Free(Any): ...
class Square(Shape):
    def __init__(self, length):
        self.length = length
@dataclass_transform(frozen_default=True)
class Point:
    x = 1
square = Square(3)
print(TYPE_CHECKING, square.sides, square.length, Point.x, isinstance(Free(), Free), list[Any], "typing" in sys.modules)
"""
LENT = """
import handler.light_typing as light
light.lend(("borrower",))
import borrower, json
print(json.dumps([borrower.pair, borrower.Pair.__name__, borrower.typing is light, "typing" in sys.modules]))
import typing
assert typing is not light and typing.get_type_hints
assert borrower.typing.TYPE_CHECKING is typing.TYPE_CHECKING
"""
BORROWER = """
import typing
from typing import Any, NamedTuple
{more}
class Pair(NamedTuple):
    a: Any
    b: int = 2
pair = Pair(1)._asdict()
if typing.TYPE_CHECKING:
    import nothing
"""


def bare(code: str, *folders: Path) -> str:
    script = BARE.format(path=[str(folder) for folder in (ROOT, *folders)], code=code)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lent(folder: Path, more: str) -> Any:
    (folder / "borrower.py").write_text(BORROWER.format(more=more))
    return json.loads(bare(LENT, folder))


def test_its_names_are_typings_own_where_that_is_imported() -> None:
    for name in {*light_typing.__all__} - {"TYPE_CHECKING", "lend"}:
        assert getattr(light_typing, name) is getattr(typing, name)


def test_stand_ins_do_for_classes_and_annotations() -> None:
    assert bare(USED) == "False 4 3 1 True list[handler.light_typing.Any] False"


def test_a_package_that_borrows_the_names_imports_no_typing(tmp_path: Path) -> None:
    assert lent(tmp_path, "") == [{"a": 1, "b": 2}, "Pair", True, False]


def test_a_name_without_a_stand_in_is_typings_own(tmp_path: Path) -> None:
    more = "from typing import Generic, get_type_hints\nassert get_type_hints.__module__ == Generic.__module__ == 'typing'"
    assert lent(tmp_path, more) == [{"a": 1, "b": 2}, "Pair", True, True]


def test_a_package_that_cannot_be_imported_gives_the_name_back() -> None:
    code = "import handler.light_typing as light\ntry:\n    light.lend(('no_such_package',))\nexcept ModuleNotFoundError as error:\n"
    assert bare(code + "    print(error.name, 'typing' in sys.modules)") == "no_such_package False"


def test_typing_stays_where_it_is_imported_already(tmp_path: Path) -> None:
    (tmp_path / "borrower.py").write_text(
        "import typing\nassert typing.get_type_hints.__module__ == 'typing'\n"
    )
    code = "import typing\nimport handler.light_typing as light\nlight.lend(('borrower',))\nprint(sys.modules['typing'] is typing)"
    assert bare(code, tmp_path) == "True"


def test_the_benchmarks_timeline_lends_the_names_as_a_start_does(tmp_path: Path) -> None:
    for package in ("numpy", "onnxruntime"):
        (tmp_path / f"{package}.py").write_text("import typing\n")
    first = [PARTS[name] for name in ("the file of a start's modules", "import numpy", "import onnxruntime")]
    asked = "print([name in sys.modules for name in ('numpy', 'onnxruntime', 'typing')])"
    assert bare("\n".join([*first, asked]), tmp_path) == "[True, True, False]"


def test_only_what_needs_typing_itself_imports_it() -> None:
    """FastAPI reads annotations; PostgreSQL's client imports typing in any case. Of other modules one would slow every start."""
    found = {
        path.relative_to(ROOT / "handler").parts[0]
        for path in (ROOT / "handler").rglob("*.py")
        if re.search(r"^(from|import) typing\b", path.read_text(), re.MULTILINE)
    }
    assert found == {"openapi.py", "postgres", "schemas"}
