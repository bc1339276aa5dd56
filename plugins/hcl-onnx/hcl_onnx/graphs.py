"""ONNX graphs put together of parts, and parts cut out of them again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from hcl_onnx.manifest import ModelError
from hcl_onnx.session import KEY


def joined(parts: dict[str, ModelProto], outputs: Sequence[str]) -> ModelProto:
    """One model of several that feed each other.

    What is an input or output of a part keeps its name, and equal names are the same value; all else gets the name of
    its part in front, ``encoder/...``, by which :func:`part_of` finds it again.

    Args:
        parts: in the order in which they run.
        outputs: which outputs of the parts are those of the whole; the others stay inside.
    """
    first = next(iter(parts.values()))
    whole = ModelProto(ir_version=first.ir_version, opset_import=first.opset_import, producer_name="hcl-onnx")
    whole.graph.name = "hcl_onnx"
    values: dict[str, Any] = {}
    made: set[str] = set()
    for prefix, part in parts.items():
        kept = {value.name for value in (*part.graph.input, *part.graph.output)}
        graph = GraphProto()
        graph.CopyFrom(part.graph)
        _rename(graph, prefix, kept)
        whole.graph.node.extend(graph.node)
        whole.graph.initializer.extend(graph.initializer)
        for value in graph.input:
            if value.name not in made and value.name not in values:
                whole.graph.input.append(value)
            values[value.name] = value
        for value in graph.output:
            made.add(value.name)
            values[value.name] = value
    whole.graph.output.extend(values[name] for name in outputs)
    whole.graph.value_info.extend(values[name] for name in made if name not in outputs)
    onnx.checker.check_model(whole)
    return whole


def part_of(content: bytes, prefix: str, inputs: str, outputs: str) -> bytes:
    """Cut a part out of a model that :func:`joined` made.

    Args:
        content: the model, serialized.
        prefix: the name of the part.
        inputs, outputs: the inputs and outputs of the part are the values named so, followed by a number or by nothing.

    Raises:
        ModelError: if there is no such part.
    """
    whole = onnx.load_model_from_string(content)
    nodes = [node for node in whole.graph.node if node.name.startswith(f"{prefix}/")]
    graph = whole.graph
    known = {value.name: value for value in (*graph.input, *graph.output, *graph.value_info)}
    reads = {name for node in nodes for name in _reads(node)}
    writes = {name for node in nodes for name in node.output}
    taken = [known[name] for name in _numbered(inputs, known) if name in reads]
    given = [known[name] for name in _numbered(outputs, known) if name in writes]
    if not nodes or not given:
        raise ModelError(f"the model has no part {prefix!r}; expected a detector.onnx that 'hcl-onnx export' wrote")
    part = ModelProto(ir_version=whole.ir_version, opset_import=whole.opset_import, producer_name="hcl-onnx")
    part.graph.name = prefix
    part.graph.node.extend(nodes)
    part.graph.initializer.extend(value for value in graph.initializer if value.name in reads)
    part.graph.input.extend(taken)
    part.graph.output.extend(given)
    part.metadata_props.extend(whole.metadata_props)
    return part.SerializeToString()


def describe(model: ModelProto, about: dict[str, Any]) -> None:
    """Write what hcl-onnx has to know of a model into its metadata."""
    onnx.helper.set_model_props(model, {KEY: json.dumps(about)})


def _numbered(name: str, known: Iterable[str]) -> list[str]:
    """``name``, or ``name_0``, ``name_1`` ..., in order."""
    known = set(known)
    found = [f"{name}_{s}" for s in range(len(known)) if f"{name}_{s}" in known]
    return found or [name for name in (name,) if name in known]


def _reads(node: NodeProto) -> Iterator[str]:
    """Names of values that a node takes, those of the graphs inside it included."""
    yield from node.input
    for graph in _inner(node):
        for inner in graph.node:
            yield from _reads(inner)


def _rename(graph: GraphProto, prefix: str, kept: set[str]) -> None:
    def new(name: str) -> str:
        return name if not name or name in kept else f"{prefix}/{name}"

    for value in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.name = new(value.name)
    for i, node in enumerate(graph.node):
        node.name = f"{prefix}/{node.name or f'{node.op_type}_{i}'}"
        node.input[:] = map(new, node.input)
        node.output[:] = map(new, node.output)
        for inner in _inner(node):
            _rename(inner, prefix, kept)


def _inner(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs
