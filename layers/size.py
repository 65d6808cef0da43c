"""Prints the size of each deployed part, unzipped and zipped, and compares the sum with Lambda's limit.

Function and layers together may have 250 MB unzipped. What is zipped is downloaded before a function starts. A MB is 2**20
bytes, as Lambda counts.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from handler.artifact import DOCUMENTS_FILE, ENCODER_FILES, Artifact
from handler.errors import ArtifactError

MB = 2**20
LIMIT = 250 * MB
RUNTIME_BUDGET = 100 * MB
RESOURCES = ("SearchFunction", "RuntimeLayer", "ModelLayer")
# Parts with fewer bytes than this are shown as one sum.
SMALL = MB
# Bytes of a file's two headers in a zip archive, with a name of common length.
ZIP_HEADERS = 200


def main(arguments: Sequence[str]) -> int:
    """Prints the parts of the folder of `sam build`, arguments[0]; returns 0, or 2 where they are too large."""
    build = Path(arguments[0] if arguments else ".aws-sam/build")
    missing = [name for name in RESOURCES if not (build / name).is_dir()]
    if missing:
        print(f"error: {build} holds no {missing[0]}: run `make build`", file=sys.stderr)
        return 2
    parts = {name: size for resource in RESOURCES for name, size in split(build, resource).items()}
    if sum(parts.values()) > LIMIT:
        print(f"error: {refusal(parts)}", file=sys.stderr)
        return 2
    zipped = {
        name: size for resource in RESOURCES for name, size in split(build, resource, zipped_size).items()
    }
    print(table(parts, zipped))
    artifact = build / "ModelLayer" / "artifact"
    # There is none in the layer where the artifact is on S3, and no document where a database has them.
    if (artifact / DOCUMENTS_FILE).is_file():
        try:
            print(room(Artifact.open(artifact), LIMIT - sum(parts.values())))
        except ArtifactError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


def file_size(file: Path) -> int:
    """Returns the bytes of a file as it is."""
    return file.stat().st_size


def zipped_size(file: Path) -> int:
    """Returns about the bytes that a file has in a zip archive: deflated, with its name in two headers."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = 0
    with file.open("rb") as opened:
        while chunk := opened.read(MB):
            size += len(compressor.compress(chunk))
    return size + len(compressor.flush()) + ZIP_HEADERS


def split(build: Path, resource: str, measure: Callable[[Path], int] = file_size) -> dict[str, int]:
    """Returns the bytes of a built resource by package or file, the small ones in one sum."""
    inner = build / resource
    while len(list(inner.iterdir())) == 1 and next(inner.iterdir()).is_dir():
        inner = next(inner.iterdir())
    parts: dict[str, int] = {}
    for entry in sorted(inner.iterdir()):
        files = [file for file in (entry.rglob("*") if entry.is_dir() else [entry]) if file.is_file()]
        large = sum(map(file_size, files)) >= SMALL
        name = f"{resource}/{entry.name if large else '(smaller ones)'}"
        parts[name] = parts.get(name, 0) + sum(map(measure, files))
    return parts


def table(parts: Mapping[str, int], zipped: Mapping[str, int] | None = None) -> str:
    """Writes a table of the parts and their sum, largest first; with `zipped`, a column of those sizes too."""
    sizes = [(size, zipped[name] if zipped else 0, name) for name, size in parts.items()]
    sizes.sort(key=lambda row: -row[0])
    sizes.append(
        (
            sum(row[0] for row in sizes),
            sum(row[1] for row in sizes),
            "in all, of 250 unzipped",
        )
    )
    lines = [
        f"{size / MB:8.1f} MB  " + (f"{small / MB:8.1f} MB  " if zipped else "") + name
        for size, small, name in sizes
    ]
    return "\n".join(["unzipped        zipped        (a MB is 2**20 bytes)", *lines] if zipped else lines)


def refusal(parts: Mapping[str, int]) -> str:
    """Says why Lambda would refuse these parts, and what a user can do."""
    return (
        f"function and layers have {sum(parts.values()) / MB:.0f} MB unzipped, Lambda takes 250:\n{table(parts)}\n"
        "choose one: smaller embeddings (seeklet export --dtype int8), less metadata (--metadata), "
        "an artifact on S3 (ARTIFACT=s3://bucket/prefix), or a container image of up to 10 GB (docs/deploy.md)"
    )


def room(artifact: Artifact, free: int) -> str:
    """Says how many documents like these would fit with `free` bytes more: all files grow with them but the encoder's."""
    files, count = artifact.manifest.files, artifact.manifest.count
    growing = sum(entry.bytes for name, entry in files.items() if name not in ENCODER_FILES)
    return f"{count:,} documents; about {count + free * count // growing:,} like these fit"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
