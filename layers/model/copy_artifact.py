"""Copies an artifact into the model layer: whole, checked, and readable by Lambda's user.

It copies the files that the manifest lists and nothing else; handler/manifest.py refuses names that are paths. It stops
where Lambda would refuse the layer: function and layers together may have 250 MB unzipped. From s3://bucket/prefix it
copies nothing: the function fetches the artifact, and the layer stays empty and isn't deployed. Where a database searches,
the function only embeds queries: `--encoder-only` leaves the documents and their index out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from handler.artifact import Artifact
from handler.errors import ArtifactError
from handler.manifest import MANIFEST_FILE
from layers import EPOCH
from layers.size import LIMIT, MB, RUNTIME_BUDGET, refusal


def main(arguments: Sequence[str] | None = None) -> int:
    """Copies the artifact; returns 0, or 2 where it can't be shipped."""
    parser = argparse.ArgumentParser(
        prog="python -m layers.model.copy_artifact", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("source")
    parser.add_argument("out", type=Path)
    parser.add_argument("--image", action="store_true", help="for a container image: no limit of 250 MB")
    parser.add_argument(
        "--encoder-only",
        action="store_true",
        help="the manifest and the encoder alone: a database has the rest",
    )
    options = parser.parse_args(arguments)
    out: Path = options.out
    if options.source.startswith("s3://"):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        (out / "on-s3.txt").write_text(f"{options.source}\n")
        print(f"artifact: none in the layer, the function fetches {options.source}")
        return 0
    try:
        artifact = Artifact.open(options.source)
        names = artifact.encoder_files if options.encoder_only else list(artifact.manifest.files)
        artifact.check_hashes(names)
    except ArtifactError as error:
        print(f"error: {error} (ARTIFACT=folder names another)", file=sys.stderr)
        return 2
    problem = None if options.image else size_problem(artifact, names)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    copy(artifact, out, names)
    what = "encoder" if options.encoder_only else "artifact"
    print(f"{what}: {sum(f.stat().st_size for f in out.iterdir()) / MB:.1f} MB of {options.source}")
    return 0


def size_problem(
    artifact: Artifact, names: Iterable[str] | None = None, runtime_bytes: int = RUNTIME_BUDGET
) -> str | None:
    """Says why Lambda would refuse these files, or all, beside a runtime layer of `runtime_bytes`; None where it wouldn't."""
    files = artifact.manifest.files
    parts = {f"artifact/{name}": files[name].bytes for name in (files if names is None else names)}
    parts["runtime layer, at most"] = runtime_bytes
    return refusal(parts) if sum(parts.values()) > LIMIT else None


def copy(artifact: Artifact, out: Path, names: Iterable[str] | None = None) -> None:
    """Makes `out` anew, with the manifest and these of its files, or all, and nothing else."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in (MANIFEST_FILE, *(artifact.manifest.files if names is None else names)):
        shutil.copyfile(artifact.path(name), out / name)
        # Lambda's user is not the files' owner: a private file would be unreadable there.
        (out / name).chmod(0o644)
        os.utime(out / name, (EPOCH, EPOCH))


if __name__ == "__main__":
    sys.exit(main())
