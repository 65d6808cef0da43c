"""Modules that are imported from one file: the same modules as from files of their own, and all of a start's."""

from __future__ import annotations

import importlib
import json
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest
from lambda_tools import ROOT, build_function, python313, runtime_layer

from handler import bundled
from layers.runtime.bundle import bundle, modules_of, read_start_list
from layers.runtime.targets import BuildError

TAG = str(sys.implementation.cache_tag)
SOURCES = {
    "__init__.py": "VALUE = 1\n",
    "one.py": "from bundled_example.inner import two\nVALUE = two.VALUE + 1\n",
    "inner/__init__.py": "",
    "inner/two.py": "VALUE = 2\ndef fail():\n    raise KeyError('two')\n",
    "outside.py": "VALUE = 9\n",
}
# Answers an event, then tells which modules have files, and which of them came from the one file.
START = """
import json, sys
function, layer, event = sys.argv[1:]
sys.path[:0] = [function, layer]
import handler.app
answer = handler.app.handler(json.load(open(event)), None)
from handler.bundled import Loader
found = {
    name: isinstance(module.__loader__, Loader)
    for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and not file.endswith(".so") and file.startswith((function, layer))
}
unneeded = [name for name in ("pathlib", "typing") if name in sys.modules]
print(json.dumps({"status": answer["statusCode"], "found": found, "unneeded": unneeded}))
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path with a package and its bytecode; what was imported is forgotten afterwards."""
    package = tmp_path / "bundled_example"
    for name, source in SOURCES.items():
        path = package / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(source)
        py_compile.compile(str(path), doraise=True)
    (package / "inner" / "data.txt").write_text("beside it")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("bundled_example")]:
        del sys.modules[name]


def load(name: str) -> ModuleType:
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_modules_are_as_from_their_own_files(tree: Path) -> None:
    names = [name for name in modules_of(tree / "bundled_example") if not name.endswith("outside")]
    own = {name: load(name) for name in sorted(names)}
    for name in names:
        del sys.modules[name]
    bundle(tree, tree, TAG, names)
    # Without their files, so that nothing else can have the code.
    for name in ("one.py", "inner/two.py"):
        (tree / "bundled_example" / name).unlink()
        next((tree / "bundled_example" / name).parent.glob(f"__pycache__/{Path(name).stem}.*")).unlink()
    bundled.install()
    for name in sorted(names):
        module = load(name)
        assert module is not own[name]
        assert isinstance(module.__loader__, bundled.Loader)
        for attribute in ("__name__", "__package__", "__file__"):
            assert getattr(module, attribute) == getattr(own[name], attribute)
        assert getattr(module, "__path__", None) == getattr(own[name], "__path__", None)
    assert (load("bundled_example.one").VALUE, load("bundled_example").VALUE) == (3, 1)
    assert files("bundled_example.inner").joinpath("data.txt").read_text() == "beside it"
    with pytest.raises(KeyError) as caught:
        load("bundled_example.inner.two").fail()
    frame = caught.traceback[-1]
    assert (str(frame.path), frame.lineno + 1) == (str(tree / "bundled_example" / "inner" / "two.py"), 3)


def test_a_module_that_is_not_in_the_file_has_its_own(tree: Path) -> None:
    bundle(tree, tree, TAG, ["bundled_example"])
    bundled.install()
    assert isinstance(load("bundled_example").__loader__, bundled.Loader)
    outside = load("bundled_example.outside")
    assert (outside.VALUE, isinstance(outside.__loader__, bundled.Loader)) == (9, False)


def test_another_pythons_file_is_not_looked_at(tree: Path) -> None:
    bundle(tree, tree, TAG, ["bundled_example"])
    (tree / bundled.NAME.format(tag=TAG)).rename(tree / "start.cpython-399.bin")
    bundled.install()
    assert not isinstance(load("bundled_example").__loader__, bundled.Loader)


def test_a_package_has_a_file_of_its_own(tree: Path) -> None:
    package = tree / "bundled_example"
    bundle(tree, package, TAG, modules_of(package))
    sys.meta_path.insert(0, bundled.Bundle(str(package)))
    module = load("bundled_example.inner.two")
    assert isinstance(module.__loader__, bundled.Loader)
    assert module.__file__ == str(package / "inner" / "two.py")


def test_the_functions_file_has_all_of_its_modules(tmp_path: Path) -> None:
    python313()
    package = build_function(tmp_path) / "handler"
    names = modules_of(package)
    assert {"handler", "handler.routes.search", "handler.postgres.engine"} < {*names}
    data = (package / "start.cpython-313.bin").read_bytes()
    length = int.from_bytes(data[:4], "little")
    index = json.loads(data[4 : 4 + length])
    assert {*index} == {*names}
    assert {package / path for path, _, _ in index.values()} == {*package.rglob("*.py")}
    assert index["handler.routes.search"][0] == "routes/search.py"


def test_a_module_that_is_missing_stops_the_build(tree: Path) -> None:
    with pytest.raises(BuildError, match=r"start\.txt: .*bundled_example\.nothing"):
        bundle(tree, tree, TAG, ["bundled_example", "bundled_example.nothing"])


def test_a_start_imports_all_from_the_files_and_the_list_names_no_more(
    artifact: Path, tmp_path: Path
) -> None:
    function, layer = build_function(tmp_path), runtime_layer() / "python"
    event = ROOT / "events" / "similar.json"
    done = subprocess.run(
        [python313(), "-I", "-S", "-c", START, str(function), str(layer), str(event)],
        env={"ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["status"], told["unneeded"]) == (200, [])
    # What is imported before the files are looked for.
    assert {name for name, from_it in told["found"].items() if not from_it} == {
        "handler",
        "handler.app",
        "handler.bundled",
        "handler.later",
        "handler.light_typing",
        "handler.named",
    }
    assert {name for name in told["found"] if not name.startswith("handler")} == {*read_start_list()}
