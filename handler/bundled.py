"""Imports the modules of a start from one file for all, which the build wrote, instead of one file for each.

    import numpy._core.numeric  ->  the file's index  ->  its bytecode  ->  the module, as if from its own file

To find a file, open, check and read it takes a tenth of a millisecond, and a start imports 130 of our own and numpy's. A
module that isn't in the file, and each one where there is no file, is imported as ever. layers/runtime/bundle.py writes it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec, SourcelessFileLoader
from types import ModuleType

from handler.light_typing import Any

# With a Python's tag, as the names of bytecode files have it: another Python's bytecode is not looked at.
NAME = "start.{tag}.bin"
# The file begins with the length of its index, in so many bytes, little-endian.
LENGTH_BYTES = 4


class Loader(SourcelessFileLoader):
    """Loads one module as from a bytecode file of its own, whose bytes are the bundle's."""

    def __init__(self, name: str, path: str, bundle: Bundle) -> None:
        super().__init__(name, path)
        self._bundle = bundle

    def get_data(self, path: str) -> bytes:
        """Returns the bytecode file's bytes, or those of another file."""
        return self._bundle.read(self.name) if path == self.path else super().get_data(path)


class Bundle:
    """A finder of modules, for `sys.meta_path`: the file in a folder, and the paths of its modules below that folder."""

    def __init__(self, folder: str) -> None:
        """Reads the index; raises OSError where the folder has no such file."""
        self._folder = folder
        self._descriptor = os.open(
            os.path.join(folder, NAME.format(tag=sys.implementation.cache_tag)), os.O_RDONLY
        )
        length = int.from_bytes(os.pread(self._descriptor, LENGTH_BYTES, 0), "little")
        # Name -> path, place and length of the bytecode file.
        self._index: dict[str, tuple[str, int, int]] = json.loads(
            os.pread(self._descriptor, length, LENGTH_BYTES)
        )
        self._start = LENGTH_BYTES + length

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def find_spec(self, name: str, _path: Any = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Finds a module as the import system asks for it."""
        found = self._index.get(name)
        if found is None:
            return None
        path = os.path.join(self._folder, found[0])
        loader = Loader(name, path, self)
        package = loader.is_package(name)
        spec = ModuleSpec(name, loader, origin=path, is_package=package)
        spec.has_location = True
        if package:
            assert spec.submodule_search_locations is not None
            spec.submodule_search_locations.append(os.path.dirname(path))
        return spec

    def read(self, name: str) -> bytes:
        """Returns the bytes of a module's bytecode file."""
        _, place, length = self._index[name]
        return os.pread(self._descriptor, length, self._start + place)


def install() -> bool:
    """Has modules imported from the files that are there: one in this package, one beside the packages that it needs.

    Returns whether the latter is there. Then the packages are those of the layer, which are pruned.
    """
    pruned = False
    for folder in dict.fromkeys([os.path.dirname(__file__), *sys.path]):
        try:
            bundle = Bundle(folder)
        except OSError:
            continue
        sys.meta_path.insert(0, bundle)
        pruned = pruned or "numpy" in bundle
    return pruned
