"""Draw a BERT as an ONNX graph that computes in 8 bit; `toolkit.export` says why it is drawn so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


@dataclass(frozen=True)
class Bert:
    """A checkpoint of transformers' BERT, as an encoder of sentences or with a classifier on top."""

    config: dict[str, Any]
    tensors: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Bert:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(config, load_file(folder / "model.safetensors"))

    @property
    def classifies(self) -> bool:
        return "classifier.weight" in self.tensors

    @property
    def labels(self) -> list[str]:
        if not self.classifies:
            return []
        return [label for _, label in sorted(self.config["id2label"].items(), key=lambda pair: int(pair[0]))]

    def __getitem__(self, name: str) -> Any:
        found = self.tensors.get(name)
        found = self.tensors["bert." + name] if found is None else found
        return found.astype("float32")


@dataclass
class Graph:
    """Nodes in order, and the tensors that they name."""

    labels: list[str] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)
    tensors: dict[str, Any] = field(default_factory=dict)

    def tensor(self, name: str, value: Any) -> str:
        self.tensors[name] = numpy.asarray(value, order="C")
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Append a node; returns the name of its output, or a list of them."""
        names = [f"{kind}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def proto(self, parts: dict[str, dict[str, Any]]) -> bytes:
        """The serialised model. Its tensors lie in `parts`, file -> name -> tensor, one after another."""
        initializers = []
        for location, held in parts.items():
            offset = 0
            for name, tensor in held.items():
                kind = helper.np_dtype_to_tensor_dtype(tensor.dtype)
                entry = TensorProto(name=name, data_type=kind, dims=tensor.shape)
                entry.data_location = TensorProto.EXTERNAL
                for key, value in (("location", location), ("offset", offset), ("length", tensor.nbytes)):
                    entry.external_data.add(key=key, value=str(value))
                offset += tensor.nbytes
                initializers.append(entry)
        outside = {name for held in parts.values() for name in held}
        initializers += [
            numpy_helper.from_array(tensor, name)
            for name, tensor in self.tensors.items()
            if name not in outside
        ]
        width = len(self.labels) or None
        tokens = helper.make_tensor_value_info("tokens", TensorProto.INT32, [1, "length"])
        answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, width or "width"])
        graph: GraphProto = helper.make_graph(self.nodes, "bert", [tokens], [answer], initializers)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return bytes(model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class _Rounded:
    """Names of uint8 (1, tokens, width), and of a scale and a zero for each token (1, tokens, 1)."""

    steps: str
    scale: str
    zero: str


def network(bert: Bert) -> Graph:
    """One sentence a call: `tokens`, int32 (1, length), in; `answer` out.

    That is logits (1, labels), or a vector of length one (1, 384) where there is no classifier.
    There is no padding mask, since a sentence on its own has no padding.
    """
    graph = Graph(bert.labels)
    for name, value in (("axes_0_2", [0, 2]), ("axis_0", [0]), ("axis_1", [1]), ("from_0", [0])):
        graph.tensor(name, numpy.array(value, "int64"))
    x = _normalised(graph, bert, _embedded(graph, bert), "embeddings.LayerNorm")
    for layer in range(int(bert.config["num_hidden_layers"])):
        x = _layer(graph, bert, x, f"encoder.layer.{layer}.")
    answer = _classified(graph, bert, x) if bert.classifies else _pooled(graph, x)
    graph.nodes.append(helper.make_node("Identity", [answer], ["answer"]))
    return graph


def _layer(graph: Graph, bert: Bert, x: str, at: str) -> str:
    """Attention, then two dense layers, each around a residual: Devlin et al. 2019, section 3."""
    names = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
    weight, bias = (numpy.concatenate([bert[name + part] for name in names]) for part in (".weight", ".bias"))
    joined = _linear(graph, _rounded(graph, x), at + "attention", weight, bias)
    query, keys, values = graph.op("Split", joined, axis=-1, num_outputs=3, outputs=3)
    heads = int(bert.config["num_attention_heads"])
    seen = graph.op("MultiHeadAttention", query, keys, values, domain="com.microsoft", num_heads=heads)

    def dense(x: str, name: str) -> str:
        weight, bias = bert[f"{at}{name}.dense.weight"], bert[f"{at}{name}.dense.bias"]
        return _linear(graph, _rounded(graph, x), at + name, weight, bias)

    def add(x: str, y: str, name: str) -> str:
        return _normalised(graph, bert, graph.op("Add", x, y), f"{at}{name}.LayerNorm")

    x = add(x, dense(seen, "attention.output"), "attention.output")
    return add(x, dense(graph.op("Gelu", dense(x, "intermediate")), "output"), "output")


def _normalised(graph: Graph, bert: Bert, x: str, name: str) -> str:
    weight, bias = (graph.tensor(f"{name}.{part}", bert[f"{name}.{part}"]) for part in ("weight", "bias"))
    epsilon = float(bert.config["layer_norm_eps"])
    return str(graph.op("LayerNormalization", x, weight, bias, epsilon=epsilon))


def _by_rows(matrix: Any) -> tuple[Any, Any]:
    """int8 (rows, columns) and its scales (rows,)."""
    scale = numpy.abs(matrix).max(1) / 127
    scale[scale == 0] = 1
    return numpy.rint(matrix / scale[:, None]).astype("int8"), scale.astype("float32")


def _embedded(graph: Graph, bert: Bert) -> str:
    """Word, position and type: (1, length, 384)."""
    steps, scale = _by_rows(bert["embeddings.word_embeddings.weight"])
    rows = graph.op("Gather", graph.tensor("words", steps), "tokens")
    scales = graph.op("Gather", graph.tensor("words.scale", scale[:, None]), "tokens")
    words = graph.op("Mul", graph.op("Cast", rows, to=TensorProto.FLOAT), scales)
    # A sentence on its own is always of type 0.
    places = (
        bert["embeddings.position_embeddings.weight"] + bert["embeddings.token_type_embeddings.weight"][0]
    )
    length = graph.op("Shape", "tokens", start=1, end=2)
    place = graph.op("Slice", graph.tensor("places", places), "from_0", length, "axis_0")
    return str(graph.op("Add", words, place))


def _rounded(graph: Graph, x: str) -> _Rounded:
    """Each token in 256 steps of its own, from its least value to its largest."""
    zero = graph.tensor("none", numpy.float32(0))
    least = graph.op("Min", graph.op("ReduceMin", x, "axes_0_2", keepdims=0), zero)
    largest = graph.op("Max", graph.op("ReduceMax", x, "axes_0_2", keepdims=0), zero)
    width = graph.op("Sub", largest, least)
    scale = graph.op("Mul", width, graph.tensor("one_255th", numpy.float32(1 / 255)))
    point = graph.op("Round", graph.op("Neg", graph.op("Div", least, scale)))
    points = graph.op("Cast", point, to=TensorProto.UINT8)
    steps = graph.op("QuantizeLinear", x, scale, points, axis=1)
    return _Rounded(steps, *(graph.op("Unsqueeze", each, "axis_1") for each in (scale, point)))


def _linear(graph: Graph, x: _Rounded, name: str, weight: Any, bias: Any) -> str:
    """x · weightᵀ + bias, multiplied in 8 bit, summed in 32.

    The products count each step from 0, so what the token's own zero adds to every sum is taken off again.
    """
    steps, scale = _by_rows(weight)
    product = graph.op("MatMulInteger", x.steps, graph.tensor(name + ".steps", steps.T))
    sums = graph.tensor(name + ".sums", steps.sum(1, dtype="int32").astype("float32"))
    exact = graph.op("Sub", graph.op("Cast", product, to=TensorProto.FLOAT), graph.op("Mul", x.zero, sums))
    rows = graph.op("Mul", graph.op("Mul", exact, x.scale), graph.tensor(name + ".scale", scale))
    return str(graph.op("Add", rows, graph.tensor(name + ".bias", bias)))


def _pooled(graph: Graph, x: str) -> str:
    """The mean over the tokens, of length one: what sentence-transformers' two last modules do."""
    mean = graph.op("ReduceMean", x, "axis_1", keepdims=0)
    return str(graph.op("Div", mean, graph.op("ReduceL2", mean, "axis_1", keepdims=1)))


def _classified(graph: Graph, bert: Bert, x: str) -> str:
    first = graph.op("Gather", x, graph.tensor("first", numpy.int32(0)), axis=1)

    def dense(x: str, name: str) -> Any:
        weight, bias = (graph.tensor(f"{name}.{part}", bert[f"{name}.{part}"]) for part in ("weight", "bias"))
        return graph.op("Gemm", x, weight, bias, transB=1)

    return str(dense(graph.op("Tanh", dense(first, "pooler.dense")), "classifier"))
