"""Modules that are imported later are the same modules, whoever asks first."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from command import ROOT

from handler.later import SELDOM_USED, Later

# What a program sees of the modules, with and without putting them off.
SEEN = """
import json, sys
sys.path.insert(0, {root!r})
{before}
import ast, ctypes, inspect, pickle, platform, textwrap
from inspect import signature
from pickle import loads, dumps
import ctypes.util
before = [name for name in {names!r} if name in sys.modules and "Later" not in type(sys.modules[name]).__name__]
seen = [
    ast.literal_eval("[1]"),
    ctypes.sizeof(ctypes.c_int64),
    ctypes.util.__name__,
    str(signature(lambda a, b=2: 0)),
    loads(dumps({{"a": 1}})),
    pickle.PicklingError is sys.modules["pickle"].PicklingError,
    platform.python_version() == sys.version.split()[0],
    textwrap.dedent("  a"),
    inspect.isclass(inspect.Signature),
    [hasattr(module, "nothing") for module in (ast, ctypes, inspect, pickle, platform, textwrap)],
    [type(sys.modules[name]).__name__ for name in {names!r}],
]
print(json.dumps(seen))
"""
PUT_OFF = "from handler.later import put_off; put_off()"


def seen(before: str) -> Any:
    code = SEEN.format(root=str(ROOT), before=before, names=SELDOM_USED)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_program_sees_the_same_modules() -> None:
    assert seen(PUT_OFF) == seen("")


def test_a_start_imports_none_of_them() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); {PUT_OFF}; import json, re, typing, pathlib, handler.manifest; "
        f"print([name for name in {SELDOM_USED!r} if type(sys.modules[name]).__name__ != 'Later'])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_whoever_walks_through_all_modules_imports_none() -> None:
    walk = "[getattr(module, '__file__', None) for module in sys.modules.values()]"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {PUT_OFF}; {walk}; print(type(sys.modules['inspect']).__name__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "Later", done.stderr


def test_threads_that_ask_at_once_get_one_module() -> None:
    code = f"""
import sys, threading
sys.path.insert(0, {str(ROOT)!r})
{PUT_OFF}
later, found = sys.modules["inspect"], []
barrier = threading.Barrier(8)
def ask():
    barrier.wait()
    found.append(later.Signature)
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import inspect
print(len({{id(one) for one in found + [inspect.Signature]}}))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "1", done.stderr


def test_a_module_that_is_not_there_says_so_when_it_is_asked() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        Later("no_such_module").anything  # noqa: B018
