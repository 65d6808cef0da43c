"""Installs what a measured start needs: our layer and code, and the textbook's packages and files.

Ours is the pruned layer, as on Lambda. The textbook's is everything that pip installs, in the same versions, with
bytecode too. Both are kept in one folder, named after the pins. This module starts nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.record import ROOT
from benchmarks.textbook_files import write_textbook_files
from handler.variables import MEMORY_PER_VCPU_MB
from layers.runtime.build import build_code, build_layer
from layers.runtime.bytecode import find_python
from layers.runtime.lock import write_constraints
from layers.runtime.targets import MALLOC, RUNTIME, pip_install, pip_target

PYTHON = "python3.13"
# The modules that Lambda's runtime would import.
ENTRIES = {
    "textbook_def": "from textbook import make_handler as make",
    "textbook_async": "from textbook import make_async_handler as make",
}
ENTRY = "import os, pathlib\n{}\nhandler = make(pathlib.Path(os.environ['ARTIFACT_DIR']))\n"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The folder of all installs: the places of ours and of the textbook's, and the Python that runs both."""

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
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_PER_VCPU_MB),
            **MALLOC,
        }

    def versions(self) -> dict[str, str]:
        """Returns the versions of what pip installed for the textbook; the layer's lock pins ours to the same."""
        found = {
            package.metadata["Name"]: package.version for package in distributions(path=[str(self.packages)])
        }
        return {name: found[name] for name in ("fastapi", "mangum", "pydantic") if name in found}


def prepare(artifact: Path, work: Path) -> Prepared:
    """Installs and builds into `work` what is measured, and keeps what an earlier run made.

    Raises SystemExit where there is no CPython 3.13.
    """
    python = find_python(PYTHON)
    if python is None:
        sys.exit(f"error: needs {PYTHON}, on PATH or from pyenv")
    target = f"{PYTHON}-{lambda_arch()}"
    work = work / digest_of_pins()
    work.mkdir(parents=True, exist_ok=True)
    prepared = Prepared(work, artifact, python, version_of(python))
    make_once(work / "layer", lambda out: build_layer(target, out))
    build_code(target, ROOT / "handler", prepared.function)
    make_once(prepared.packages, lambda out: install_all(target, python, out))
    shutil.copyfile(ROOT / "benchmarks" / "textbook.py", work / "textbook.py")
    for name, line in ENTRIES.items():
        (work / f"{name}.py").write_text(ENTRY.format(line))
    for name in ("textbook", *ENTRIES):
        compile_all(python, work / f"{name}.py")
    write_textbook_files(artifact, prepared.textbook_artifact)
    return prepared


def make_once(folder: Path, make: Callable[[Path], object]) -> None:
    """Makes a folder unless it exists. An interruption leaves no folder that looks whole."""
    if folder.is_dir():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    make(partial)
    partial.rename(folder)


def version_of(python: str) -> str:
    """Returns an interpreter's name and version, such as CPython 3.13.0."""
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def digest_of_pins() -> str:
    """Returns a short digest of the files that decide the installed packages, so that other pins get another folder."""
    digest = hashlib.sha256()
    for path in [ROOT / "requirements.txt", *sorted(RUNTIME.rglob("*"))]:
        if path.suffix in (".txt", ".in", ".py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def lambda_arch() -> str:
    """Returns this machine's processor by Lambda's name."""
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def install_all(target: str, python: str, out: Path) -> None:
    """Installs the same packages with all that they require, unpruned, in our versions, and compiles them."""
    constraints = out.with_suffix(".txt")
    write_constraints(constraints)
    pip = [*pip_install(), "--target", str(out), *pip_target(target), "--no-compile"]
    pip += ["-r", str(RUNTIME / "requirements.in"), "-c", str(constraints)]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    compile_all(python, out)


def install_client(prepared: Prepared, out: Path) -> None:
    """Installs Lambda's runtime client, in the version that requirements-sam.txt pins."""
    pin = re.search(r"^awslambdaric==\S+", (ROOT / "requirements-sam.txt").read_text(), re.MULTILINE)
    assert pin
    pip = [*pip_install(prepared.python), "--target", str(out)]
    subprocess.run([*pip, pin[0]], check=True, stderr=subprocess.DEVNULL)


def compile_all(python: str, path: Path) -> None:
    """Writes bytecode, as deployed packages have it. A package's own test file that can't be compiled is no error."""
    subprocess.run([python, "-m", "compileall", "-q", str(path)], check=False, capture_output=True)
