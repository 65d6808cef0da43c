"""An ONNX graph that can be edited: its nodes, its constants, and which nodes make and read a value.

It knows only the operators Constant and Identity. It optimises nothing. All weights are in memory, 2 GB at most.
`model` leaves out values that no node reads, and puts the nodes in order again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # on by default since 1.29

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[np.generic]
FloatArray = NDArray[np.float32]

INPUT = "input_ids"
OUTPUT = "token_embeddings"


@dataclass
class Graph:
    """Nodes in any order, constants by name, and the output's last dimension."""

    nodes: list[NodeProto]
    constants: dict[str, Array]
    hidden_size: int

    @classmethod
    def load(cls, path: Path, hidden_size: int) -> Graph:
        """Reads an ONNX file and renames its first output to token_embeddings."""
        proto = onnx.load(path).graph
        constants: dict[str, Array] = {i.name: numpy_helper.to_array(i) for i in proto.initializer}
        nodes = []
        for node in proto.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            else:
                nodes.append(node)
        graph = cls(nodes, constants, hidden_size)
        for node in nodes:
            if node.op_type == "Identity" and node.input[0] in constants:  # ALBERT's layers share weights
                graph.redirect(node.output[0], node.input[0])
        graph.rename(proto.output[0].name, OUTPUT)
        return graph

    def copy(self) -> Graph:
        """Returns a graph with nodes of its own; the arrays are shared."""
        nodes = []
        for node in self.nodes:
            twin = NodeProto()
            twin.CopyFrom(node)
            nodes.append(twin)
        return Graph(nodes, dict(self.constants), self.hidden_size)

    def add(
        self,
        op_type: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        domain: str = "",
        **attributes: object,
    ) -> str:
        """Appends a node and returns its first output."""
        self.nodes.append(helper.make_node(op_type, list(inputs), list(outputs), domain=domain, **attributes))
        return outputs[0]

    def constant(self, name: str, value: Array) -> str:
        """Stores a constant and returns its name."""
        self.constants[name] = value
        return name

    def makers(self) -> dict[str, NodeProto]:
        """Returns the node that makes each value."""
        return {output: node for node in self.nodes for output in node.output}

    def maker(self, value: str) -> NodeProto:
        """Returns the node that makes a value, or an empty node of type "" where no node makes it."""
        return next((node for node in self.nodes if value in node.output), NodeProto())

    def readers(self, value: str) -> list[NodeProto]:
        """Returns the nodes that read a value."""
        return [node for node in self.nodes if value in node.input]

    def rename(self, old: str, new: str) -> None:
        """Renames a value in the node that makes it and in the nodes that read it."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == old:
                        names[i] = new

    def redirect(self, old: str, new: str, readers: Iterable[NodeProto] | None = None) -> None:
        """Makes the nodes that read `old` read `new`: all of them, or only those in `readers`."""
        for node in self.nodes if readers is None else readers:
            for i, name in enumerate(node.input):
                if name == old:
                    node.input[i] = new

    def ordered(self, outputs: Sequence[str]) -> list[NodeProto]:
        """Returns the nodes that the outputs need, makers before readers."""
        makers, done, order = self.makers(), set(self.constants) | {INPUT, ""}, []
        stack = list(reversed(outputs))
        while stack:
            value = stack[-1]
            if value in done:
                stack.pop()
                continue
            node = makers[value]
            missing = [name for name in node.input if name not in done]
            if missing:
                stack.extend(reversed(missing))
            else:
                order.append(node)
                done.update(node.output)
        return order

    def model(self, outputs: Sequence[str] = (OUTPUT,)) -> ModelProto:
        """Returns the model from input_ids (1, t) int64 to the outputs. It holds only what the outputs need."""
        nodes = self.ordered(outputs)
        read = {name for node in nodes for name in node.input}
        infos = [
            helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, "t", self.hidden_size])
            if name == OUTPUT
            else onnx.ValueInfoProto(name=name)
            for name in outputs
        ]
        proto = helper.make_graph(
            nodes,
            "encoder",
            [helper.make_tensor_value_info(INPUT, TensorProto.INT64, [1, "t"])],
            infos,
            [numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in read],
        )
        # Opset 23 has Attention. BERT's other operators mean the same in 18, which optimum writes, and in 23.
        opsets = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(proto, opset_imports=opsets, ir_version=10, producer_name="seeklet")

    def run(self, ids: NDArray[np.int64], outputs: Sequence[str] = (OUTPUT,)) -> list[Array]:
        """Returns the values named by outputs, for one text's ids (1, t) int64."""
        return self.session(outputs).run(list(outputs), {INPUT: ids})  # type: ignore[no-any-return]

    def session(self, outputs: Sequence[str] = (OUTPUT,)) -> ort.InferenceSession:
        """Opens a session that returns the values named by outputs, on one thread, without optimisation.

        It doesn't use the handler's open_session, which reads a file and whose errors name the artifact.
        """
        options = ort.SessionOptions()
        options.log_severity_level = 4  # quiet: its errors are raised anyway
        options.intra_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return ort.InferenceSession(self.model(outputs).SerializeToString(), options)
