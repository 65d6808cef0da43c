"""Copies an artifact into the model layer: whole, checked, and readable by Lambda's user.

Copies what the manifest lists and nothing else; handler/manifest.py takes no name that is a path. Stops before a layer
that Lambda would refuse: function and layers together may have 250 MB unzipped. Of s3://bucket/prefix nothing is
copied: the function fetches it, and the layer, which isn't deployed, stays empty.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from handler.artifact import Artifact
from handler.errors import ArtifactError
from handler.manifest import MANIFEST_FILE
from layers.size import LIMIT, RUNTIME_BUDGET, refusal

EPOCH = 315532800  # 1980, as in SAM's zip


def main(arguments: Sequence[str] | None = None) -> int:
    """Copies the artifact; 2 where it can't be shipped."""
    parser = argparse.ArgumentParser(
        prog="python -m layers.model.copy_artifact", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("source")
    parser.add_argument("out", type=Path)
    parser.add_argument("--image", action="store_true", help="for a container image: no limit of 250 MB")
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
        artifact.check_hashes()
    except ArtifactError as error:
        print(f"error: {error} (ARTIFACT=folder names another)", file=sys.stderr)
        return 2
    problem = None if options.image else size_problem(artifact)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    copy(artifact, out)
    print(f"artifact: {sum(f.stat().st_size for f in out.iterdir()) / 1e6:.1f} MB of {options.source}")
    return 0


def size_problem(artifact: Artifact, runtime_bytes: int = RUNTIME_BUDGET) -> str | None:
    """Why Lambda would refuse it beside a runtime layer of `runtime_bytes`, or None."""
    parts = {f"artifact/{name}": entry.bytes for name, entry in artifact.manifest.files.items()}
    parts["runtime layer, at most"] = runtime_bytes
    return refusal(parts) if sum(parts.values()) > LIMIT else None


def copy(artifact: Artifact, out: Path) -> None:
    """Makes `out` anew: the manifest and the files that it lists; nothing else that lies beside them ships."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in (MANIFEST_FILE, *artifact.manifest.files):
        shutil.copyfile(artifact.path(name), out / name)
        # Lambda's user is not the files' owner: a private file would be unreadable there.
        (out / name).chmod(0o644)
        os.utime(out / name, (EPOCH, EPOCH))


if __name__ == "__main__":
    sys.exit(main())
