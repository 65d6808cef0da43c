"""dev/torch_build.py, with pip and indexes on 127.0.0.1: which build of torch `make setup` installs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_index import Index, nowhere, serving, silence, write_wheel

from dev.torch_build import CPU_LOCK, CUDA_LOCK, INDEX_LIMIT, PYPI_LOCK, brings_cuda, choose, has_gpu

PIN = "9.1.0"


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    # Neither this machine's files nor its variables say where pip looks.
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """pip's index: it has torch, but no CPU build."""
    write_wheel(tmp_path / "pypi", "torch", PIN)
    write_wheel(tmp_path / "pypi", "torch", "9.2.0")
    with serving(tmp_path / "pypi") as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        yield index


@pytest.fixture
def pytorch(tmp_path: Path) -> Iterator[Index]:
    """PyTorch's index of CPU builds, without a build yet."""
    with serving(tmp_path / "pytorch") as index:
        yield index


def chosen(
    index: str, installed: str | None = None, cuda: bool = True, gpu: bool = False, limit: float = INDEX_LIMIT
) -> tuple[list[str], str]:
    return choose(PIN, index, installed=installed, cuda=cuda, gpu=gpu, limit=limit)


def test_pytorchs_index_has_a_cpu_build(tmp_path: Path, pypi: Index, pytorch: Index) -> None:
    write_wheel(tmp_path / "pytorch", "torch", f"{PIN}+cpu")
    assert chosen(pytorch.url) == (["--index-url", pytorch.url, *CPU_LOCK], "")


@pytest.mark.parametrize(("given", "gpu"), [("PIP_EXTRA_INDEX_URL", True), ("PIP_FIND_LINKS", False)])
def test_what_pip_is_given_comes_first(
    tmp_path: Path, pypi: Index, pytorch: Index, monkeypatch: pytest.MonkeyPatch, given: str, gpu: bool
) -> None:
    write_wheel(tmp_path / "mine", "torch", f"{PIN}+cpu")
    # pip says nothing unless asked to.
    monkeypatch.setenv("PIP_QUIET", "2")
    with serving(tmp_path / "mine") as mine:
        monkeypatch.setenv(
            given, mine.url if given == "PIP_EXTRA_INDEX_URL" else str(tmp_path / "mine/torch")
        )
        assert chosen(pytorch.url, gpu=gpu) == (CPU_LOCK, "")
    assert pytorch.asked == []


@pytest.mark.parametrize("version", [None, "9.0.0+cpu"])
def test_where_no_index_has_a_cpu_build_a_line_says_what_comes(
    tmp_path: Path, pypi: Index, pytorch: Index, version: str | None
) -> None:
    if version:
        write_wheel(tmp_path / "pytorch", "torch", version)
    arguments, note = chosen(pytorch.url)
    assert arguments == CUDA_LOCK
    assert note.startswith(f"torch {PIN} comes with CUDA, about 2.7 GB to download and 4.6 GB on disk")
    assert pytorch.url in note
    assert "\n" not in note
    assert "/torch/" in pytorch.asked


def test_an_index_that_says_nothing_is_given_up(pypi: Index) -> None:
    with silence() as url:
        arguments, note = chosen(url, limit=1)
    assert arguments == CUDA_LOCK
    assert f"nor {url} gave a CPU build" in note


def test_without_a_network_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    url = nowhere()
    monkeypatch.setenv("PIP_INDEX_URL", url)
    with pytest.raises(
        LookupError, match=rf"pip finds no torch {PIN} for Python .* see whether there is a network"
    ):
        chosen(url)


def test_with_a_gpu_pytorchs_index_is_not_asked(tmp_path: Path, pypi: Index, pytorch: Index) -> None:
    write_wheel(tmp_path / "pytorch", "torch", f"{PIN}+cpu")
    arguments, note = chosen(pytorch.url, gpu=True)
    assert arguments == CUDA_LOCK
    assert note.endswith("there is an NVIDIA GPU")
    assert pytorch.asked == []


@pytest.mark.parametrize(
    ("installed", "arguments"),
    [(f"{PIN}+cpu", CPU_LOCK), (PIN, CUDA_LOCK), (f"{PIN}+cu130", PYPI_LOCK)],
)
def test_what_is_installed_stays(pypi: Index, installed: str, arguments: list[str]) -> None:
    assert chosen(nowhere(), installed=installed) == (arguments, "")
    assert pypi.asked == []


def test_another_version_that_is_installed_does_not(tmp_path: Path, pypi: Index, pytorch: Index) -> None:
    write_wheel(tmp_path / "pytorch", "torch", f"{PIN}+cpu")
    assert chosen(pytorch.url, installed="9.1.0.post1") == (["--index-url", pytorch.url, *CPU_LOCK], "")


def test_other_systems_have_the_cpu_build_on_pypi(pypi: Index) -> None:
    assert chosen(nowhere(), cuda=False) == (PYPI_LOCK, "")
    assert pypi.asked == []
    assert brings_cuda("linux", "x86_64")
    assert brings_cuda("linux", "aarch64")
    assert not brings_cuda("linux", "s390x")
    assert not brings_cuda("darwin", "arm64")


@pytest.mark.parametrize(
    "driver", ["proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/nvidia-smi"]
)
def test_a_driver_is_a_gpu(tmp_path: Path, driver: str) -> None:
    assert not has_gpu(tmp_path)
    (tmp_path / driver).parent.mkdir(parents=True)
    (tmp_path / driver).touch()
    assert has_gpu(tmp_path)
