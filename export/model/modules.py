"""The modules that a text passes in a sentence-transformer: one list for queries, and one for documents.

Most models have one list in modules.json. A Router (Asym in older versions) has one for each task. Modules that can't be
reproduced, and modules in another order, are refused by name. This module reads no module's own config.
"""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from export.model.config_files import read_json, read_object
from handler.errors import ModelError

PACKAGE = "sentence_transformers."
ROUTERS = ("Router", "Asym")
REMEDY = "use a model of Transformer + Pooling (+ Dense) (+ Normalize)"
# sentence-transformers finds a route by the task, and by the kind of input, which is always this one here.
MODALITY = "text"


class Module(NamedTuple):
    """A module's class and folder. A class of sentence-transformers has its short name, any other its full one."""

    kind: str
    folder: Path


class Route(NamedTuple):
    """The modules that a text passes."""

    transformer: Path
    pooling: Path
    dense: tuple[Path, ...]
    normalizes: bool

    @property
    def weighted(self) -> tuple[Path, ...]:
        """The folders that hold weights."""
        return self.transformer, *self.dense


class Routes(NamedTuple):
    """The modules for queries and for documents. Without a Router they are the same."""

    query: Route
    document: Route


def read_routes(folder: Path) -> Routes:
    """Reads modules.json, and the Router's config where there is one.

    Raises:
        ModelError: a config is damaged, or the modules can't be reproduced.
    """
    path = folder / "modules.json"
    if not path.exists() and (folder / "config.json").exists():
        raise ModelError(
            f"{folder} has a config.json and no modules.json, so it is an encoder without a pooling: save it as a "
            "sentence-transformer, or copy the whole model folder"
        )
    entries = read_json(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ModelError(f"{path} is not a list of modules: it isn't a sentence-transformer")
    modules = [_module(path, place, entry) for place, entry in enumerate(entries)]
    if not modules or modules[0].kind not in ROUTERS:
        route = _route(path, modules)
        return Routes(route, route)
    router, *rest = modules
    router_path, routes, parameters = _read_router(router.folder)
    query, document = (
        _route(router_path, [*routes[_choose(router_path, routes, parameters, task)], *rest])
        for task in ("query", "document")
    )
    return Routes(query, document)


def _module(path: Path, place: int, entry: dict[str, Any]) -> Module:
    """Reads an entry of modules.json, which `path` is."""
    kind = _kind(entry.get("type"))
    usual = "" if place == 0 else f"{place}_{kind}"
    return Module(kind, _inside(path, path.parent, entry.get("path", usual)))


def _inside(config: Path, folder: Path, path: object) -> Path:
    """Returns the folder at a path that a config has, which must not lead out of the model's folder.

    The path is checked as it is written. Symbolic links are followed: the hub's cache consists of them.
    """
    if not isinstance(path, str):
        raise ModelError(f"{config} has the path {path!r}, which is not a text: mend it")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ModelError(
            f"{config} has the path {path!r}, which leaves the model folder: "
            "use a model whose modules are in its own folder"
        )
    return folder / path


def _kind(full_name: object) -> str:
    """Shortens the names of sentence-transformers' own classes. A class of another package is a model's own code."""
    name = str(full_name)
    return name.rpartition(".")[2] if name.startswith(PACKAGE) else name


def _route(path: Path, modules: list[Module]) -> Route:
    """Checks the modules' order; `path` is the config that lists them."""
    # Dropout does nothing outside training.
    kept = [module for module in modules if module.kind != "Dropout"]
    kinds = [module.kind for module in kept]
    dense = kinds.count("Dense")
    norms = kinds.count("Normalize")
    if kinds == ["Transformer", "Pooling", *["Dense"] * dense, *["Normalize"] * norms]:
        folders = [module.folder for module in kept]
        return Route(folders[0], folders[1], tuple(folders[2 : 2 + dense]), norms > 0)
    known = ("Transformer", "Pooling", "Dense", "Normalize")
    odd = next((kind for kind in kinds if kind not in known), None)
    what = (
        f"the module {odd:.80}, which can't be reproduced"
        if odd
        else f"the modules {' + '.join(kinds) or 'none'}"
    )
    raise ModelError(f"{path} has {what}: {REMEDY}")


def _read_router(folder: Path) -> tuple[Path, dict[str, list[Module]], dict[str, Any]]:
    """Returns the path of a Router's config, its modules by the route's name, and its parameters."""
    path = folder / "router_config.json"
    if not path.exists():
        path = folder / "config.json"  # Asym
    config = read_object(path)
    types, structure, parameters = (config.get(name) or {} for name in ("types", "structure", "parameters"))
    if not _is_table(types, str) or not _is_table(structure, list) or not isinstance(parameters, dict):
        raise ModelError(
            f"{path} lacks the types or the structure of its routes: copy the whole model folder"
        )
    routes: dict[str, list[Module]] = {}
    for name, ids in structure.items():
        unknown = [i for i in ids if not isinstance(i, str) or i not in types]
        if unknown:
            raise ModelError(
                f"{path} has no type for the module {unknown[0]!r:.80}: copy the whole model folder"
            )
        routes[name] = [Module(_kind(types[i]), _inside(path, folder, i)) for i in ids]
    return path, routes, parameters


def _is_table(value: object, kind: type) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, kind) for entry in value.values())


def _choose(path: Path, routes: dict[str, list[Module]], parameters: dict[str, Any], task: str) -> str:
    """Returns the name of the route that sentence-transformers takes for a text of this task."""
    mappings = parameters.get("route_mappings") or {}
    if not _is_table(mappings, str):
        raise ModelError(f"{path} has route_mappings that aren't a table of names: mend it")
    named = [(_pair(key), route) for key, route in mappings.items()]
    pairs = ((task, MODALITY), (task, None), (None, MODALITY), (None, None))
    chosen = [route for pair in pairs for key, route in named if key == pair]
    name = next(iter(chosen or [name for name in (task, MODALITY) if name in routes]), "")
    if name not in routes:
        raise ModelError(
            f"{path} has no route for the task {task!r}, only {', '.join(sorted(routes))}: "
            "use a model with the routes query and document"
        )
    return name


def _pair(key: str) -> object:
    """Reads a key of route_mappings, a pair of task and kind of input as Python writes it."""
    try:
        return ast.literal_eval(key)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None  # sentence-transformers leaves such a key out too
