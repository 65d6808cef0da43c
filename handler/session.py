"""The one place that opens an ONNX Runtime session."""

from __future__ import annotations

import onnxruntime

from handler.errors import ArtifactError, reason
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY

if TYPE_CHECKING:
    from pathlib import Path


def open_session(path: Path, *, threads: int = 1, arena: bool = False, optimize: bool = False) -> Any:
    """Opens the model at `path` on the CPU.

    threads   threads within one operator
    arena     whether memory is kept between runs. With varied lengths it grows without bound (onnxruntime #11627).
    optimize  whether ONNX Runtime optimises the graph now. An exported graph was optimised when it was written.

    Raises ArtifactError where ONNX Runtime can't load it.
    """
    options = onnxruntime.SessionOptions()
    # By default ONNX Runtime would pin threads to CPUs that Lambda doesn't give (onnxruntime #8313).
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_cpu_mem_arena = arena
    # What fails is told by an exception, not by a line of the log as well.
    options.log_severity_level = 4
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ArtifactError(
            f"{path} can't be loaded: its name is not UTF-8, as ONNX Runtime needs it: rename the folder"
        ) from None
    try:
        # With its fallback, ONNX Runtime would print a failure to standard output, and load the same model again.
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class but this one
        raise ArtifactError(f"{path} can't be loaded as an ONNX model ({reason(error)}): {REMEDY}") from None
