"""Divides our own start into parts, and measures the time or the memory of each, in a new process."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping

from benchmarks.installs import Prepared
from benchmarks.starts import EVENT, Start, isolated

# As handler/app.py begins and Function.load goes on. Each part needs the parts before it.
PARTS = {
    "the file of a start's modules": "from handler import bundled, later; later.put_off(); bundled.install()",
    "import numpy": "from handler import light_typing; light_typing.lend(('numpy',))",
    "import onnxruntime": "light_typing.lend(('onnxruntime',))",
    "import tokenizers": "import tokenizers",
    "import the handler's modules": "from handler.function import Function; from handler.settings import Settings; "
    "from handler import encoder, local, wordpieces",
    "manifest and checksums": "from handler.artifact import Artifact, MODEL_FILE; from handler.light_path import LightPath; "
    "a = Artifact.open(LightPath(folder)); a.check_crc32(); m = a.manifest",
    "model session": "from handler.session import open_session; session = open_session(a.path(MODEL_FILE))",
    "tokenizer": "from handler.tokenizer import BoundedTokenizer; "
    "tokenizer = BoundedTokenizer(encoder.open_tokenizer(a), m.max_length)",
    "embeddings and scan": "from handler.index import Index; found = Index.open(a)",
    "documents, keywords, columns, ids": "from handler.documents import Documents; texts = Documents.open(a); "
    "kept = (local.Keywords.open(a, tokenizer.whole), local.Columns.open(a), local.Ids.open(a, texts))",
    "first inference": "made = encoder.Encoder(session, tokenizer, pooling=m.pooling, dim=m.dim); v = made.encode([text])",
    "first search": "ids = found.search(v, 5).ids[0]; [texts[int(i)] for i in ids]",
    "second inference": "v = made.encode([text])",
    "second search": "ids = found.search(v, 5).ids[0]; [texts[int(i)] for i in ids]",
    "(FastAPI and Mangum, when asked for)": "import handler.api, mangum",
}
# After all the parts: one more query.
SEARCH = "[texts[int(i)] for i in found.search(made.encode([text]), 5).ids[0]]"
CODE = """
import gc, sys, time
gc.disable()
sys.path[:0] = {path!r}
folder, text = {folder!r}, {text!r}
took = {{}}
for name, code in {parts!r}.items():
    code = compile(code, name, "exec")
    started = {clock}
    exec(code)
    took[name] = {clock} - started
import json
print(json.dumps(took))
"""
MILLISECONDS = "time.perf_counter() * 1000"
MEGABYTES = "int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20"
LARGEST_IMPORTS = 15


def make_timeline(prepared: Prepared, parts: Mapping[str, str], clock: str) -> Start:
    """Returns a start that prints, as JSON, by how much `clock` grows in each part."""
    text = json.loads(json.loads(EVENT.read_text())["body"])["text"]
    path = [str(prepared.function), str(prepared.layer)]
    code = CODE.format(path=path, folder=str(prepared.artifact), text=text, parts=dict(parts), clock=clock)
    return isolated(prepared, code, prepared.artifact)


def measure_imports(start: Start) -> dict[str, float]:
    """Returns each package's own import time in milliseconds, without the packages that it imports; from one run."""
    command = [start.command[0], "-X", "importtime", *start.command[1:]]
    done = subprocess.run(command, env=start.environ, capture_output=True, text=True, check=True)
    packages: dict[str, float] = {}
    for own, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr, re.MULTILINE):
        package = name.split(".")[0]
        packages[package] = packages.get(package, 0.0) + int(own) / 1000
    largest = sorted(packages.items(), key=lambda item: -item[1])[:LARGEST_IMPORTS]
    return {name: round(took, 1) for name, took in largest}
