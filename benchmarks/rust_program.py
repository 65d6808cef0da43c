"""The same function in Rust: a program over ONNX Runtime, and the folder that it reads. rust_peer.py says how it is called."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.artifacts import float32_rows
from handler.artifact import DOCUMENTS_FILE, EMBEDDINGS_FILE, MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE


class Peer:
    """The Rust program over a folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        library = next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
        self._command = [*one_core(), str(program), str(folder), str(library)]

    def start(self) -> float:
        """Returns the milliseconds from before the process exists to its answer."""
        started = time.monotonic_ns()
        process = subprocess.Popen([*self._command, "once", "send a text message"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        took = (time.monotonic_ns() - started) / 1e6
        process.wait()
        return took

    def microseconds(self, bodies: Path) -> list[float]:
        """Returns the microseconds of each request."""
        done = subprocess.run(
            [*self._command, "time", str(bodies)], capture_output=True, text=True, check=True
        )
        return [float(line.split()[0]) for line in done.stdout.splitlines()]

    def server(self, port: int) -> list[str]:
        """Returns the command of the HTTP service."""
        return [*self._command, "serve", str(port)]


def one_core() -> list[str]:
    """Returns what begins a command that runs on one core."""
    return ["taskset", "-c", str(max(os.sched_getaffinity(0)))]


def write_folder(artifact: Path, folder: Path) -> Path:
    """Writes the peer's folder: our files, and the embeddings in float32."""
    folder.mkdir(parents=True)
    for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, DOCUMENTS_FILE):
        (folder / name).symlink_to(artifact / name)
    rows = np.ascontiguousarray(float32_rows(artifact))
    entry = {"dtype": "F32", "shape": list(rows.shape), "data_offsets": [0, rows.nbytes]}
    header = json.dumps({"embeddings": entry}).encode()
    header += b" " * (-len(header) % 8)
    (folder / EMBEDDINGS_FILE).write_bytes(len(header).to_bytes(8, "little") + header + rows.tobytes())
    return folder
