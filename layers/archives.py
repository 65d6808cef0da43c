"""Zips each part that `make build` built, for tools that don't do it themselves: the same files give the same bytes."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from layers.size import RESOURCES

# The first time that a zip archive can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(arguments: Sequence[str]) -> int:
    """Zips the parts of the build folder arguments[0] into the folder arguments[1]; returns 0, or 2 where one is missing."""
    build, out = map(Path, arguments)
    if missing := [name for name in RESOURCES if not (build / name).is_dir()]:
        print(f"error: {build} holds no {missing[0]}: run `make build`", file=sys.stderr)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    for name in RESOURCES:
        archive(build / name, out / f"{name}.zip")
        print(f"{(out / f'{name}.zip').stat().st_size / 2**20:8.1f} MB  {out / name}.zip")
    return 0


def archive(folder: Path, path: Path) -> None:
    """Writes all files of a folder, in their names' order, readable by Lambda's user."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if file.suffix == ".so" else 0o100644) << 16
            with file.open("rb") as source, opened.open(entry, "w") as target:
                while chunk := source.read(2**20):
                    target.write(chunk)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
