"""Starts processes that answer one event: our function, two textbook handlers, and sentence-transformers.

Ours and the textbooks run on CPython 3.13, as on Lambda. sentence-transformers runs without a web framework, on this
environment's interpreter, since that has torch. cold_start.py and memory.py let them take turns, and compare them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installs import Prepared, version_of
from benchmarks.record import ROOT
from export.model.places import default_folder

EVENT = ROOT / "events" / "similar.json"
OURS, OURS_FASTAPI, TORCH = "seeklet", "seeklet, FastAPI loaded", "sentence-transformers"
TEXTBOOK, TEXTBOOK_ASYNC = "textbook (def)", "textbook (async def, one thread)"

# `module` is handler.app. It fails where FastAPI is not loaded after that, so that no other row takes its place.
LOAD_FASTAPI = 'module.handler.app; import sys; assert "fastapi" in sys.modules'
# The code of a start. It prints the time at its end; CLOCK_MONOTONIC is the same clock for parent and child.
ANSWER = """
import json, sys, time
sys.path[:0] = {path!r}
module = __import__({module!r}, fromlist=["handler"])
{before}
response = module.handler(json.load(open({event!r})), None)
print(response["statusCode"], time.monotonic_ns(), flush=True)
"""
ANSWER_TORCH = """
import json, time
import numpy
from sentence_transformers import SentenceTransformer
model = SentenceTransformer({model!r}, device="cpu")
embeddings = numpy.load({folder!r} + "/embeddings.npy")
documents = json.load(open({folder!r} + "/documents.json"))
body = json.loads(json.load(open({event!r}))["body"])
query = model.encode([body["text"]], normalize_embeddings=True)[0]
best = numpy.argsort(embeddings @ query)[::-1][: body["num_results"]]
json.dumps([documents[i] for i in best])
print(200, time.monotonic_ns(), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """A process that can be started: its command, its environment, and its interpreter's name and version."""

    command: list[str]
    environ: dict[str, str]
    interpreter: str

    def run(self) -> str:
        """Runs the process on one core; returns its last line. Raises RuntimeError with its errors."""
        core = str(max(os.sched_getaffinity(0)))
        done = subprocess.run(
            ["taskset", "-c", core, *self.command],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout.splitlines()[-1]

    def milliseconds(self) -> float:
        """Returns the time from before the process exists to its answer; raises RuntimeError where that isn't a 200."""
        started = time.monotonic_ns()
        status, ended = self.run().split()
        if status != "200":
            raise RuntimeError(f"{self.command[-1]} answered {status}")
        return (int(ended) - started) / 1e6


def isolated(prepared: Prepared, code: str, artifact: Path) -> Start:
    """Returns a start on the function's Python, with only those packages whose folders the code names."""
    return Start([prepared.python, "-I", "-S", "-c", code], prepared.environ(artifact), prepared.interpreter)


def make_starts(prepared: Prepared) -> dict[str, Start]:
    """Returns every start by name, ours first; sentence-transformers only where this environment has it."""

    def answer(module: str, path: list[Path], artifact: Path, before: str = "") -> Start:
        code = ANSWER.format(
            module=module, path=[str(part) for part in path], event=str(EVENT), before=before
        )
        return isolated(prepared, code, artifact)

    ours = ("handler.app", [prepared.function, prepared.layer], prepared.artifact)
    theirs = ([prepared.work, prepared.packages], prepared.textbook_artifact)
    starts = {
        OURS: answer(*ours),
        OURS_FASTAPI: answer(*ours, before=LOAD_FASTAPI),
        TEXTBOOK: answer("textbook_def", *theirs),
        TEXTBOOK_ASYNC: answer("textbook_async", *theirs),
    }
    if importlib.util.find_spec("sentence_transformers"):
        folder = str(prepared.textbook_artifact)
        code = ANSWER_TORCH.format(model=str(default_folder()), folder=folder, event=str(EVENT))
        environ = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
        starts[TORCH] = Start([sys.executable, "-c", code], environ, version_of(sys.executable))
    return starts
