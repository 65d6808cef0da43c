"""Starts of processes that answer one event: what is installed for them, and the command of each.

Ours runs on CPython 3.13 from the pruned layer, as on Lambda; the textbook's on the same CPython from all that pip
brings, with bytecode too; sentence-transformers on this environment's interpreter, since torch is there, without a web
framework. Does not take turns and does not judge: benchmarks.cold_start and benchmarks.memory do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.record import ROOT
from benchmarks.textbook_files import write_textbook_files
from export.model.source_model import default_folder
from layers.runtime.build import build_code, build_layer
from layers.runtime.bytecode import find_python
from layers.runtime.lock import EXPORT_REQUIREMENTS, read_pins
from layers.runtime.targets import RUNTIME, pip_target

EVENT = ROOT / "events" / "similar.json"
PYTHON = "python3.13"
OURS, OURS_FASTAPI, TORCH = "seeklet", "seeklet, FastAPI loaded", "sentence-transformers"
TEXTBOOK, TEXTBOOK_ASYNC = "textbook (def)", "textbook (async def, one thread)"
# Lambda's 1,769 MB are one vCPU.
MEMORY = "1769"

# What a start runs. It ends with the clock that its parent read before: CLOCK_MONOTONIC is the machine's.
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
# The entries that Lambda's runtime would import.
ENTRIES = {
    "textbook_def": "from textbook import make_handler as make",
    "textbook_async": "from textbook import make_async_handler as make",
}
ENTRY = "import os, pathlib\n{}\nhandler = make(pathlib.Path(os.environ['ARTIFACT_DIR']))\n"


@dataclass(frozen=True, slots=True)
class Start:
    """One way to answer: a command, its environment, and the interpreter's name and version."""

    command: list[str]
    environ: dict[str, str]
    interpreter: str

    def run(self) -> str:
        """Runs it on one core; returns its last line. Raises RuntimeError with its errors."""
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
        """Returns the time from before the process exists to its answer. Raises RuntimeError where it isn't a 200."""
        started = time.monotonic_ns()
        status, ended = self.run().split()
        if status != "200":
            raise RuntimeError(f"{self.command[-1]} answered {status}")
        return (int(ended) - started) / 1e6


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was installed in a folder: where ours, the textbook's and their files are, and which Python runs both."""

    work: Path
    artifact: Path
    python: str
    interpreter: str

    @property
    def function(self) -> Path:
        """Our code, as SAM packs it."""
        return self.work / "function"

    @property
    def layer(self) -> Path:
        """Our dependencies, pruned."""
        return self.work / "layer" / "python"

    @property
    def packages(self) -> Path:
        """The textbook's dependencies, as pip installs them."""
        return self.work / "packages"

    @property
    def textbook_artifact(self) -> Path:
        """The textbook's own files."""
        return self.work / "textbook-artifact"

    def environ(self, artifact: Path) -> dict[str, str]:
        """Returns the environment of a function that serves `artifact`."""
        return {
            "PATH": os.environ["PATH"],
            "ARTIFACT_DIR": str(artifact),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY,
        }

    def start(self, code: str, artifact: Path) -> Start:
        """Returns a start that runs `code` with this Python and no packages but those that the code names."""
        return Start([self.python, "-I", "-S", "-c", code], self.environ(artifact), self.interpreter)

    def versions(self) -> dict[str, str]:
        """Returns the versions of what pip installed for the textbook; the layer's lock pins ours to the same."""
        found = {
            package.metadata["Name"]: package.version for package in distributions(path=[str(self.packages)])
        }
        return {name: found[name] for name in ("fastapi", "mangum", "pydantic") if name in found}


def prepare(artifact: Path, work: Path) -> Prepared:
    """Installs and builds all that is measured into `work`, and leaves what is there from before.

    Raises SystemExit where there is no CPython 3.13.
    """
    python = find_python(PYTHON)
    if python is None:
        sys.exit(f"error: needs {PYTHON}, on PATH or from pyenv")
    prepared = Prepared(work, artifact, python, version_of(python))
    target = f"{PYTHON}-{lambda_arch()}"
    work = work / digest_of_pins()
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "layer").is_dir():
        build_layer(target, work / "layer")
    build_code(target, ROOT / "handler", prepared.function)
    if not prepared.packages.is_dir():
        install_all(target, prepared.packages)
        compile_all(python, prepared.packages)
    shutil.copyfile(ROOT / "benchmarks" / "textbook.py", work / "textbook.py")
    for name, line in ENTRIES.items():
        (work / f"{name}.py").write_text(ENTRY.format(line))
    for name in ("textbook", *ENTRIES):
        compile_all(python, work / f"{name}.py")
    write_textbook_files(artifact, prepared.textbook_artifact)
    return prepared


def make_starts(prepared: Prepared) -> dict[str, Start]:
    """Returns every start by name, ours first; sentence-transformers only where this environment has it."""

    def answer(module: str, path: list[Path], artifact: Path, before: str = "") -> Start:
        code = ANSWER.format(
            module=module, path=[str(part) for part in path], event=str(EVENT), before=before
        )
        return prepared.start(code, artifact)

    ours = ("handler.app", [prepared.function, prepared.layer], prepared.artifact)
    theirs = ([prepared.work, prepared.packages], prepared.textbook_artifact)
    starts = {
        OURS: answer(*ours),
        OURS_FASTAPI: answer(*ours, before="module.app"),
        TEXTBOOK: answer("textbook_def", *theirs),
        TEXTBOOK_ASYNC: answer("textbook_async", *theirs),
    }
    if importlib.util.find_spec("sentence_transformers"):
        folder = str(prepared.textbook_artifact)
        code = ANSWER_TORCH.format(model=str(default_folder()), folder=folder, event=str(EVENT))
        environ = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
        starts[TORCH] = Start([sys.executable, "-c", code], environ, version_of(sys.executable))
    return starts


def version_of(python: str) -> str:
    """Returns an interpreter's name and version, such as CPython 3.13.0."""
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def digest_of_pins() -> str:
    """Returns a short digest of what decides the installed packages, so that other pins get another folder."""
    digest = hashlib.sha256()
    for path in [ROOT / "requirements.txt", *sorted(RUNTIME.rglob("*"))]:
        if path.suffix in (".txt", ".in", ".py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def lambda_arch() -> str:
    """Returns this machine's processor by Lambda's name."""
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def install_all(target: str, out: Path) -> None:
    """Installs the same packages as pip brings them, with all that they ask for, in the versions that we pin."""
    # Versions alone: pip wants hashes for everything where a constraint has one.
    constraints = out.with_suffix(".txt")
    pins = read_pins(EXPORT_REQUIREMENTS)
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(out),
    ]
    pip += [
        *pip_target(target),
        "--no-compile",
        "-r",
        str(RUNTIME / "requirements.in"),
        "-c",
        str(constraints),
    ]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)


def install_client(prepared: Prepared, out: Path) -> None:
    """Installs Lambda's runtime client, in the version that requirements-sam.txt pins."""
    pin = re.search(r"^awslambdaric==\S+", (ROOT / "requirements-sam.txt").read_text(), re.MULTILINE)
    assert pin
    pip = [
        prepared.python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(out),
    ]
    subprocess.run([*pip, pin[0]], check=True, stderr=subprocess.DEVNULL)


def compile_all(python: str, path: Path) -> None:
    """Writes bytecode, as a package that is deployed has it; a package's own broken test files don't matter."""
    subprocess.run([python, "-m", "compileall", "-q", str(path)], check=False, capture_output=True)
