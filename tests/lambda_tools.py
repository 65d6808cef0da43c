"""The layers, the emulator and the SAM CLI, for the tests that run the function as Lambda does.

What a machine lacks skips the test, and says so. Built things stay under .aws-sam/tests from run to run, each under
the hash of what it was built from. One process builds a thing, and the others wait for it.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.runtime.bytecode import find_python
from layers.runtime.targets import lock_of

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "layers" / "runtime"
# A query and a ping: no HTTP, so neither has a status.
PLAIN_EVENTS = [ROOT / "events" / f"{name}.json" for name in ("direct", "search-direct", "scheduled")]
EVENTS = sorted({*(ROOT / "events").glob("*.json")} - {*PLAIN_EVENTS})
CACHE = ROOT / ".aws-sam" / "tests"
PYTHON = "python3.13"
SAM_VENV = ROOT / ".venv-sam"
# No real account is ever asked, whatever this machine is logged in to.
NO_AWS = {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
}


def target(arch: str | None = None) -> str:
    """The layer's target for an architecture, this machine's by default."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{PYTHON}-{arch or machine}"


@functools.cache
def python313() -> str:
    """CPython 3.13, by whose minor version the layer is compiled and run."""
    found = find_python(PYTHON)
    if found is None:
        pytest.skip(f"needs {PYTHON}: on PATH or from pyenv")
    return found


@functools.cache
def runtime_layer(arch: str | None = None) -> Path:
    """The runtime layer as SAM's makefile builds it: a folder with python/ in it."""
    name = target(arch)
    inputs = [*sorted(RUNTIME.rglob("*.py")), *sorted(RUNTIME.glob("*.txt")), lock_of(name)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:12]
    return built_once(CACHE / f"{name}-{digest}", lambda out: run_build("--target", name, "--out", str(out)))


def built_once(out: Path, build: Callable[[Path], object]) -> Path:
    """The folder that `build` fills: filled by the first process that asks, from the start if one died at it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_name(f"{out.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "complete").exists():
            shutil.rmtree(out, ignore_errors=True)
            build(out)
            (out / "complete").touch()
    return out


def run_build(*arguments: str) -> str:
    """layers/runtime/build.py; its output."""
    command = [sys.executable, "-m", "layers.runtime.build", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_function(out: Path) -> Path:
    """The function's own files, as SAM's makefile builds them: a folder with handler/ in it."""
    run_build("--target", target(), "--out", str(out), "--code", str(ROOT / "handler"))
    return out


def sam_tool(name: str) -> str:
    """A command of .venv-sam."""
    path = SAM_VENV / "bin" / name
    if not path.exists():
        pytest.skip(f"needs {name} in .venv-sam: make sam-setup")
    return str(path)


@functools.cache
def emulator() -> str:
    """Lambda's Runtime Interface Emulator, which the SAM CLI brings along."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    pattern = f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    found = next(SAM_VENV.glob(pattern), None)
    if found is None:
        pytest.skip("needs the SAM CLI's emulator: make sam-setup")
    # pip drops the executable bit of package data.
    found.chmod(0o755)
    return str(found)


@functools.cache
def runtime_client() -> Path:
    """awslambdaric for CPython 3.13, of the version that requirements-sam.txt pins."""
    pins = (ROOT / "requirements-sam.txt").read_text(encoding="utf-8")
    pin = re.search(r"^awslambdaric==\S+", pins, re.MULTILINE)
    assert pin, "requirements-sam.txt pins no awslambdaric"
    command = [python313(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]

    def install(out: Path) -> None:
        done = subprocess.run([*command, "--target", str(out), pin[0]], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{pin[0]} can't be installed for {PYTHON}: {done.stderr[-300:]}")

    return built_once(CACHE / f"{pin[0]}-{PYTHON}", install)


def environ(**more: str) -> dict[str, str]:
    """This process's environment, with no way to a real account."""
    return {**os.environ, **NO_AWS, **more}
