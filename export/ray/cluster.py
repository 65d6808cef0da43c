"""A Ray cluster: one of this machine's own, or one that runs already. Ray's own lines and bars are kept quiet.

This is the only module that starts and stops Ray.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from handler.errors import EngineError, reason
from handler.threads import available_cpus

CONNECT_SECONDS = 10.0
# The thread of Ray's that prints on standard output, where the export's summary goes.
_RAYS_THREAD = "ray_listen_error_messages"


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[int]:
    """Starts or joins a cluster, and leaves it afterwards; gives the number of workers.

    Args:
        address: host:port of a running cluster's head; None starts one on this machine, and stops it afterwards.
        workers: how many; None is one for each CPU.

    Raises:
        EngineError: the cluster can't be reached, or has no CPU.
    """
    if address is not None:
        _check_address(address)
    # Ray sends statistics unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A thread of Ray Data's that outlives an error would start another cluster.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    # Its core's lines are on the standard error of this process, among the progress.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with warnings.catch_warnings(), contextlib.redirect_stdout(_WithoutRay(sys.stdout)):
        warnings.simplefilter("ignore")
        import ray

        if ray.is_initialized():
            raise EngineError("this process uses Ray already: export in a process of its own")
        try:
            with _quiet_stderr():
                _init(ray, address, workers)
            yield workers or _cpus(ray, address)
        finally:
            ray.shutdown()


def prepare_data() -> Any:
    """Imports Ray Data without its bars and lines; returns the module."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.CRITICAL)
    return ray.data


def _init(ray: Any, address: str | None, workers: int | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address is None:
        options |= {"num_cpus": workers or available_cpus(), "include_dashboard": False}
    try:
        ray.init(address=address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        if address is None:
            raise EngineError(
                f"Ray can't be started on this machine ({reason(error)}): look into /tmp/ray/session_latest/logs"
            ) from None
        raise EngineError(
            f"the Ray cluster at {address} can't be joined ({reason(error)}): run the export on one of its machines; "
            "where the cluster asks for a token, set RAY_AUTH_MODE=token"
        ) from None


def _cpus(ray: Any, address: str | None) -> int:
    if found := int(ray.cluster_resources().get("CPU", 0)):
        return found
    raise EngineError(f"the Ray cluster at {address} has no CPU: start a worker node with one")


def _check_address(address: str) -> None:
    """Raises EngineError where nothing listens there; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise EngineError(
            f"--ray-address {address} is not HOST:PORT: name the head of the cluster, such as 10.0.0.5:6379, "
            "and run the export on one of its machines"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"no Ray cluster answers at {address} ({reason(error)}): check --ray-address, and `ray status` there"
        ) from None


class _WithoutRay(io.TextIOBase):
    """A stream without what Ray's own thread prints."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if threading.current_thread().name != _RAYS_THREAD:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drops what is written to descriptor 2: Ray's core tells there which level its log has."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
