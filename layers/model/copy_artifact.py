"""Copies an artifact into the model layer: whole, checked, and readable by Lambda's user.

Stops before a layer that Lambda would refuse: function and layers together may have 250 MB unzipped.
Of s3://bucket/prefix nothing is copied: the function fetches it, and the layer, which isn't deployed, stays empty.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from size import LIMIT, RUNTIME_BUDGET, refusal

EPOCH = 315532800  # 1980, as in SAM's zip


def main() -> int:
    """Copies the artifact; 2 where it can't be shipped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source")
    parser.add_argument("out", type=Path)
    parser.add_argument("--image", action="store_true", help="for a container image: no limit of 250 MB")
    options = parser.parse_args()
    source, out = Path(options.source), options.out
    if options.source.startswith("s3://"):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        (out / "on-s3.txt").write_text(f"{options.source}\n")
        print(f"artifact: none in the layer, the function fetches {options.source}")
        return 0
    problem = check(source) or (None if options.image else check_size(source))
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in names(source):
        shutil.copyfile(source / name, out / name)
        # Lambda's user is not the files' owner: a private file would be unreadable there.
        (out / name).chmod(0o644)
        os.utime(out / name, (EPOCH, EPOCH))
    print(f"artifact: {sum(f.stat().st_size for f in out.iterdir()) / 1e6:.1f} MB of {source}")
    return 0


def names(source: Path) -> list[str]:
    """The manifest and what it lists; nothing else that lies in the folder ships."""
    return ["manifest.json", *json.loads((source / "manifest.json").read_bytes())["files"]]


def check(source: Path) -> str | None:
    """What is wrong with the artifact, or None."""
    if not (source / "manifest.json").is_file():
        return f"{source} is not an artifact: `make run` or `make export` writes one, ARTIFACT=folder names another"
    files = json.loads((source / "manifest.json").read_bytes())["files"]
    for name, entry in files.items():
        path = source / name
        if not path.is_file():
            return f"the artifact {source} lacks {name}: run `python -m export` again"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                return f"{path} is not what its manifest says: run `python -m export` again"
    return None


def check_size(source: Path) -> str | None:
    """Why Lambda would refuse it beside the runtime layer, or None."""
    parts = {f"artifact/{name}": (source / name).stat().st_size for name in names(source)}
    parts["runtime layer, at most"] = RUNTIME_BUDGET
    return refusal(parts) if sum(parts.values()) > LIMIT else None


if __name__ == "__main__":
    sys.exit(main())
