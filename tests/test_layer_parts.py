"""What the runtime layer is built by: locks, prune list, ELF; and what stops the build."""

from __future__ import annotations

import importlib
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from lambda_tools import ROOT, target

from layers.runtime.build import build_code, install, size_of
from layers.runtime.elf import PT_LOAD, strip
from layers.runtime.lock import normal_name, read_pins
from layers.runtime.prune import prune, read_prune
from layers.runtime.targets import RUNTIME, TARGETS, BuildError, lock_of

PIN = re.compile(r"[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_is_locked_as_the_export_is(name: str) -> None:
    lines = lock_of(name).read_text().splitlines()
    assert all(PIN.fullmatch(line) for line in lines if not line.startswith("#")), "a line has no hash"
    versions, locked = read_pins(ROOT / "requirements.txt"), read_pins(lock_of(name))
    assert {"numpy", "onnxruntime", "snowballstemmer", "tokenizers", "fastapi", "mangum"} <= locked.keys()
    assert locked == {package: versions[package] for package in locked}
    assert not locked.keys() & {line.pattern for line in read_prune() if line.distribution}


def test_pins_are_read_by_their_normal_names_and_without_hashes(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# torch==1\nPyYAML==6.0 \\\n    --hash=sha256:ab==\ntyping_extensions==4.1\n")
    assert read_pins(path) == {"pyyaml": "6.0", "typing-extensions": "4.1"}


def test_a_distribution_has_one_name_however_it_is_written() -> None:
    for name in ("zope.interface", "Zope_Interface", "zope-interface", "zope-._interface"):
        assert normal_name(name) == "zope-interface"


# --- strip, against the loader's own view of the file


def segments(library: bytes) -> list[tuple[int, ...]]:
    """The program headers: type, flags, offset, address, physical address, bytes in file, in memory, alignment."""
    (start,) = struct.unpack_from("<Q", library, 32)
    step, count = struct.unpack_from("<HH", library, 54)
    return [struct.unpack_from("<IIQQQQQQ", library, start + step * row) for row in range(count)]


def test_stripping_keeps_every_segment() -> None:
    for name in ("numpy._core._multiarray_umath", "tokenizers.tokenizers"):
        before = Path(str(importlib.import_module(name).__file__)).read_bytes()
        after = strip(before)
        assert len(after) < len(before)
        for old, new in zip(segments(before), segments(after), strict=True):
            # All but the offset stands; that keeps its place in a page, as mmap needs it.
            assert (old[:2], old[3:]) == (new[:2], new[3:])
            assert (old[2] - new[2]) % max(old[7], 1) == 0
            held = after[new[2] : new[2] + new[5]]
            wanted = bytearray(before[old[2] : old[2] + old[5]])
            if old[2] == 0 and old[0] == PT_LOAD:
                # The first holds the headers themselves, which were rewritten.
                headers = struct.unpack_from("<Q", after, 32)[0] + 56 * len(segments(after))
                held, wanted = held[headers:], wanted[headers:]
            if old[0] != 6:  # PT_PHDR: the rewritten program headers
                assert held == bytes(wanted)
        assert strip(after) == after


# --- refusals


def test_a_prune_line_needs_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "prune.txt"
    path.write_text("# comment\n\nnumpy/f2py  # compiles Fortran\nnumpy/random\n")
    with pytest.raises(BuildError, match="line 4"):
        read_prune(path)


def test_a_stale_prune_line_stops_the_build(tmp_path: Path) -> None:
    path = tmp_path / "prune.txt"
    path.write_text("without left-pad  # gone\ngone/*  # once a package\n")
    with pytest.raises(BuildError, match=re.escape("gone/* matches nothing")):
        prune(tmp_path, read_prune(path))


def test_a_wheel_of_another_hash_is_refused(tmp_path: Path) -> None:
    lines = lock_of(target()).read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("annotated-doc==")]
    lock = tmp_path / "requirements.txt"
    lock.write_text(re.sub(r"[0-9a-f]{64}", "0" * 64, line) + "\n")
    with pytest.raises(BuildError, match="can't install"):
        install(target(), lock, tmp_path / "out")


def test_a_databases_client_is_python_alone(tmp_path: Path) -> None:
    """One lock serves every target, and its modules are found by themselves."""
    tree = tmp_path / "python"
    install(target(), RUNTIME / "postgresql.txt", tree)
    assert not list(tree.rglob("*.so"))
    assert size_of(tree) < 3_000_000
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1]); import pg8000.native",
            tree,
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_script_of_the_layer_is_in_the_functions_stamp() -> None:
    # A change of one makes another layer, which SAM serves only with a new version of the function.
    makefile = (RUNTIME / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^SCRIPTS = .*addprefix layers/runtime/,([\w./ ]+)\)", makefile, re.MULTILINE)
    assert listed
    scripts = {str(path.relative_to(RUNTIME)) for path in RUNTIME.rglob("*.py")}
    assert set(listed[1].split()) == scripts - {"__init__.py", "lock.py"}


def test_certificates_beside_the_code_come_along(tmp_path: Path) -> None:
    """docs/postgresql.md says where to put those of a database: the model layer takes no file that its manifest lacks."""
    package = tmp_path / "handler"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rds.pem").write_text("certificates")
    build_code(next(iter(TARGETS)), package, tmp_path / "out")
    told = re.search(r"sslrootcert=/var/task/(\S+)`", (ROOT / "docs" / "postgresql.md").read_text())
    assert told is not None
    assert (tmp_path / "out" / told[1]).read_text() == "certificates"
