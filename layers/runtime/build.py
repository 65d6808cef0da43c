"""Builds the runtime layer: the handler's dependencies, pruned and compiled, for one Python and processor.

Installs the locked wheels from any machine (nothing of the target is run), deletes what prune.txt lists, and
compiles bytecode where this machine has the target's Python. The same lock gives the same bytes.
Does not resolve versions: lock.py does.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGETS = tuple(f"python3.{minor}-{arch}" for minor in (12, 13, 14) for arch in ("x86_64", "arm64"))
# Lambda's python3.12 and later have glibc 2.34. pip wants every older tag by name too.
GLIBC_TAGS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
# What SAM's zip would carry for every file; a fixed time makes trees comparable.
EPOCH = 315532800
PT_LOAD = 1  # a segment that is mapped, in ELF


class BuildError(Exception):
    """Raise when the layer can't be built; the message says how to go on."""


@dataclass(frozen=True, slots=True)
class PruneLine:
    """A glob to delete, a module to empty, or a distribution to leave out, and why."""

    pattern: str
    reason: str
    distribution: bool
    empty: bool


def main() -> int:
    """Parses the command line and builds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", required=True, choices=TARGETS)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="gets python/, as Lambda unpacks it"
    )
    parser.add_argument("--code", type=Path, metavar="DIR", help="copy and compile this package instead")
    parser.add_argument(
        "--stamp", type=Path, nargs="*", default=[], metavar="FILE", help="what the layers are made of"
    )
    options = parser.parse_args()
    try:
        if options.code:
            build_code(options.target, options.code, options.out, options.stamp)
        else:
            build_layer(options.target, options.out)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build_layer(target: str, out: Path) -> None:
    """Writes out/python."""
    tree = out / "python"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    install(target, tree)
    installed = size_of(tree)
    prune(tree)
    for library in sorted(tree.rglob("*.so*")):
        library.write_bytes(strip(library.read_bytes()))
    pruned = size_of(tree)
    compiled = compile_tree(target, tree, "/opt/python", sources=False)
    settle(tree)
    megabytes = [f"{n / 1e6:.1f}" for n in (installed, pruned, size_of(tree))]
    bytecode = "with bytecode" if compiled else "without bytecode"
    print(
        f"runtime layer {target}: {megabytes[0]} MB installed, {megabytes[1]} pruned, {megabytes[2]} {bytecode}"
    )


def build_code(target: str, package: Path, out: Path, stamp: Sequence[Path] = ()) -> None:
    """Copies a package into out, under its own name, and compiles it.

    Writes layers.sha256 over the stamp's files: SAM publishes a version for new code, not for new layers
    (serverless-application-model #1640), so the alias would go on serving the old corpus.
    """
    shutil.rmtree(out / package.name, ignore_errors=True)
    shutil.copytree(package, out / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    compile_tree(target, out, "/var/task", sources=True)
    if stamp:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in stamp]
        (out / "layers.sha256").write_text("\n".join(digests) + "\n")
    settle(out)


def pip_target(target: str) -> list[str]:
    """pip's options for another machine's wheels."""
    python, arch = target.removeprefix("python").split("-")
    machine = {"arm64": "aarch64"}.get(arch, arch)
    platforms = [part for tag in GLIBC_TAGS for part in ("--platform", f"{tag}_{machine}")]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]


def install(target: str, tree: Path) -> None:
    """Installs the target's lock; pip refuses any file of another hash."""
    lock = HERE / target / "requirements.txt"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [
        "--require-hashes",
        "--no-compile",
        "--target",
        str(tree),
        *pip_target(target),
        "-r",
        str(lock),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr[-300:]]
        raise BuildError(f"pip can't install {lock.name} of {target}: {lines[0]}")


def read_prune() -> Iterator[PruneLine]:
    """The lines of prune.txt; raises BuildError where one lacks its reason."""
    for number, line in enumerate((HERE / "prune.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"(without |empty )?(\S+)\s+# (\S.*)", line)
        if not found:
            raise BuildError(f"prune.txt, line {number}: write `pattern  # reason`")
        yield PruneLine(found[2], found[3], found[1] == "without ", found[1] == "empty ")


def prune(tree: Path) -> None:
    """Deletes what prune.txt lists. A line that finds nothing is stale: BuildError."""
    for line in read_prune():
        if line.distribution:
            continue
        matches = list(tree.glob(line.pattern))
        if not matches:
            raise BuildError(
                f"prune.txt: {line.pattern} matches nothing in this layer: delete or mend the line"
            )
        for path in matches:
            if line.empty:
                path.write_bytes(b"")
            elif path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def strip(library: bytes) -> bytes:
    """A shared library without what the loader never maps: symbol tables and section headers.

    As binutils' strip, but for any processor from any. File offsets stand in the program headers alone (System V
    ABI, chapter 5), so a gap between segments may shrink by whole alignments; addresses don't move.
    """
    (headers,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", library, headers + i * size) for i in range(count)]
    # Type, flags, offset, address, physical address, bytes in the file, in memory, alignment.
    loaded = sorted({(0, headers + size * count)} | {(s[2], s[2] + s[5]) for s in segments if s[5]})
    align = max([s[7] for s in segments if s[0] == PT_LOAD], default=4096)
    cuts: list[tuple[int, int]] = []
    end = 0
    for first, last in loaded:
        gap = (first - end) // align * align
        if gap > 0:
            cuts.append((end, gap))
        end = max(end, last)
    kept = bytearray(library[:end])
    for i, segment in enumerate(segments):
        gone = sum(gap for start, gap in cuts if segment[5] and start < segment[2])
        struct.pack_into("<Q", kept, headers + i * size + 8, segment[2] - gone)
    struct.pack_into("<Q", kept, 40, 0)  # where section headers begin
    struct.pack_into("<HH", kept, 60, 0, 0)  # how many, and which holds their names
    for start, gap in reversed(cuts):
        del kept[start : start + gap]
    return bytes(kept)


def compile_tree(target: str, tree: Path, place: str, *, sources: bool) -> bool:
    """Compiles by the target's own Python; False, and nothing done, where this machine has none.

    Unchecked: the zip sets every file's time to 1980, which makes ordinary bytecode look stale. Without sources
    the bytecode takes their place, docstrings and asserts left out: a traceback has file and line, not the text.
    """
    python = find_python(target.split("-")[0])
    if python is None:
        print(
            f"note: no {target.split('-')[0]} here, so no bytecode: the first import takes about twice as long"
        )
        return False
    # One process and a fixed hash seed: the order of sets and of interned names is part of the bytes.
    command = [python, "-I", "-m", "compileall", "-q", "-f", "-j1", "--invalidation-mode", "unchecked-hash"]
    if not sources:
        command += ["-b", "-o", "2"]
    done = subprocess.run(
        [*command, "-s", str(tree), "-p", place, str(tree)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BuildError(f"compileall failed: {(done.stdout + done.stderr)[-500:]}")
    if not sources:
        for source in tree.rglob("*.py"):
            source.unlink()
    return True


def find_python(name: str) -> str | None:
    """A working interpreter of that minor version: this one, on PATH, or of pyenv."""
    candidates = [sys.executable, shutil.which(name)]
    candidates += sorted(
        map(str, Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/*/bin/{name}"))
    )
    version = "import sys; print('python%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        # A pyenv shim exists for versions that aren't there.
        if (
            candidate
            and subprocess.run([candidate, "-c", version], capture_output=True, text=True).stdout.strip()
            == name
        ):
            return candidate
    return None


def settle(tree: Path) -> None:
    """One time and one mode for every file: readable by Lambda's user, and the same bytes from every machine."""
    for path in [*tree.rglob("*"), tree]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def size_of(tree: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
