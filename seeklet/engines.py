"""Where an export embeds: in its own process, or on a Ray cluster. `seeklet export` and `seeklet.export` choose here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from handler.errors import OptionError
from seeklet.arguments import count
from seeklet.extras import require

if TYPE_CHECKING:
    from export.build.engine import Engine
    from export.build.progress import Progress

ENGINES = ("local", "ray")


def add_engine(group: argparse._ActionsContainer) -> None:
    """Adds --engine and the options of Ray."""
    group.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="in this process, or by a worker on each core of a Ray cluster (needs the extra ray); "
        "the artifact has the same bytes (default: local)",
    )
    group.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="the head of a running cluster, to which this machine belongs (default: one on this machine alone)",
    )
    group.add_argument(
        "--ray-workers", type=count, metavar="N", help="how many workers (default: one for each CPU)"
    )
    group.add_argument(
        "--ray-shards",
        metavar="PLACE",
        help="a folder that all machines share, or s3://bucket/prefix, for work in progress (default: beside --out)",
    )


def choose_engine(
    name: str, progress: Progress, *, address: str | None, workers: int | None, shards: str | None
) -> Engine | None:
    """Makes the engine; None is the local one. Nothing is started yet.

    Args:
        name: one of ENGINES.
        progress: of the export.
        address: host:port of a running Ray cluster, or None.
        workers: how many encoders, or None.
        shards: a folder that all machines share, or an s3:// URI, or None.

    Raises:
        OptionError: there is no such engine, or an option of Ray's is given without it.
        SeekletError: the packages of the extra `ray` aren't installed.
    """
    if name == "ray":
        require("ray", "--engine ray")
        from export.ray.engine import RayEngine

        return RayEngine(progress, address=address, workers=workers, shards=shards)
    if name not in ENGINES:
        raise OptionError(f"{name!r:.40} is no engine: choose one of {', '.join(ENGINES)}")
    given: dict[str, Any] = {"--ray-address": address, "--ray-workers": workers, "--ray-shards": shards}
    for option, value in given.items():
        if value is not None:
            raise OptionError(f"{option} is given without --engine ray: add it, or leave {option} out")
    return None
