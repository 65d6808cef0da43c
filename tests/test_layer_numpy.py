"""numpy as the pruned layer has it: every function that the handler calls is there, and gives what numpy gives.

A module that the layer is without fails only when it is called, which may be in one query of a million.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess

import numpy as np
from command import ROOT
from lambda_tools import python313, runtime_layer

# What numpy's own functions may need that the layer leaves out; `a` and `b` are arrays.
CALLS = {
    "abs": "np.abs(a)",
    "add": "np.add(a, b, out=np.empty(4))",
    "add.at": "np.add.at(c := a.copy(), [0, 0], 1.0) or c",
    "add.reduce": "np.add.reduce(a)",
    "arange": "np.arange(4, dtype=np.uint64)",
    "argpartition": "np.sort(np.argpartition(a, 1)[:2])",
    "argsort": "np.argsort(a, kind='stable')",
    "array": "np.array([1, 2], np.int64)",
    "asarray": "np.asarray([1, 2])",
    "ascontiguousarray": "np.ascontiguousarray(a[::2], np.float32)",
    "astype": "np.array([0.1, -1.1754944e-38], np.float32).astype('U16')",
    "bincount": "np.bincount([1, 1, 3], minlength=5)",
    "ceil": "np.ceil(a)",
    "concatenate": "np.concatenate([a, b])",
    "copyto": "np.copyto(c := a.copy(), b, where=a > 2) or c",
    "count_nonzero": "np.count_nonzero(a > 2)",
    "cumsum": "np.cumsum(a, out=np.empty(4))",
    "diff": "np.diff(a)",
    "divmod": "np.divmod(a, 2)",
    "dtype": "np.dtype('<u2').itemsize",
    "empty": "np.empty(0)",
    "empty_like": "np.empty_like(a).shape",
    "frombuffer": "np.frombuffer(b'abcd', np.uint8)",
    "fromiter": "np.fromiter(range(3), np.int64, 3)",
    "full": "np.full(3, 7)",
    "histogram": "np.histogram(a, 3, (0.0, 5.0))",
    "iinfo": "int(np.iinfo(np.int32).min)",
    "invert": "np.invert(np.array([1], np.uint8))",
    "isfinite": "np.isfinite(a)",
    "isin": "np.isin(a, b)",
    "isinf": "np.isinf(a)",
    "isnan": "np.isnan(np.array([np.nan, 1]))",
    "lexsort": "np.lexsort((a, b))",
    "log": "np.log(a)",
    "logical_or.reduceat": "np.logical_or.reduceat(a > 2, [0, 2])",
    "maximum": "np.maximum(a, b)",
    "maximum.reduce": "np.maximum.reduce(a)",
    "maximum.reduceat": "np.maximum.reduceat(a, [0, 2])",
    "memmap": "np.memmap(path, np.uint8, 'r', 0, (4,))",
    "minimum": "np.minimum(a, b)",
    "multiply": "np.multiply(a, b)",
    "negative": "np.negative(a)",
    "ones": "np.ones(2, np.bool_)",
    "partition": "np.sort(np.partition(a, 1)[:2])",
    "ptp": "np.ptp(a)",
    "quantile": "np.quantile(a, [0.0, 0.5])",
    "repeat": "np.repeat(a, [1, 0, 2, 1])",
    "require": "np.require(a, np.float32, ['C'])",
    "rint": "np.rint(a)",
    "searchsorted": "np.searchsorted(np.sort(a), b, 'right')",
    "sort": "np.sort(a)",
    "sqrt": "np.sqrt(a)",
    "stack": "np.stack([a, b])",
    "tanh": "np.tanh(a)",
    "union1d": "np.union1d(a, b)",
    "unique": "[np.unique(a), *np.unique(a, return_counts=True), *np.unique(a, return_index=True)]",
    "vecdot": "np.vecdot(a, b)",
    "where": "np.where(a > 2, a, b)",
    "zeros": "np.zeros((2, 2), np.float32)",
    "zeros_like": "np.zeros_like(a)",
}
# Types and numbers, which are no calls.
NAMES = {
    *(
        "bool_",
        "floating",
        "generic",
        "inf",
        "int16",
        "int32",
        "int64",
        "int8",
        "integer",
        "intp",
        "nan",
        "ndarray",
    ),
    *("float16", "float32", "float64", "uint16", "uint32", "uint64", "uint8"),
}
CODE = """
import json, sys
sys.path.insert(0, {layer!r})
import numpy as np
path, a, b = {path!r}, np.array([3.0, 1.0, 3.0, 2.0]), np.array([1.0, 5.0, 2.0, 2.5])
def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value
print(json.dumps({{name: plain(eval(call)) for name, call in {calls!r}.items()}}))
"""


def test_the_layers_numpy_gives_what_numpy_gives() -> None:
    path = str(ROOT / "events" / "similar.json")
    code = CODE.format(layer=str(runtime_layer() / "python"), path=path, calls=CALLS)
    done = subprocess.run([python313(), "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = {}
    here = CODE.format(layer=str(ROOT), path=path, calls=CALLS).replace("print(", "told.update(result=")
    exec(here, {"told": told})
    assert json.loads(done.stdout) == json.loads(str(told["result"]))
    assert np.__name__ == "numpy"


def test_every_function_that_the_handler_calls_is_tried() -> None:
    used = set()
    for path in (ROOT / "handler").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and (name := re.fullmatch(r"np\.([\w.]+)", ast.unparse(node))):
                used.add(name[1])
    # Of logical_or.reduceat, not logical_or as well.
    used = {name for name in used if not any(other.startswith(f"{name}.") for other in used)}
    assert used
    assert used - NAMES - set(CALLS) == set()
