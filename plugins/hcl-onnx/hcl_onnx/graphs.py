"""Joining ONNX graphs, and extracting the parts again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from hcl_onnx.manifest import ModelError
from hcl_onnx.session import KEY


def join_parts(parts: dict[str, ModelProto], outputs: Sequence[str]) -> ModelProto:
    """Join models that feed each other into one.

    Inputs and outputs of the parts keep their names, and equal names are the same value. Every other name is prefixed
    with that of its part, as in ``encoder/...``, by which :func:`extract_part` finds it again.

    Args:
        parts: in the order in which they run.
        outputs: the outputs of the parts that become outputs of the whole; the others stay internal.
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


def extract_part(content: bytes, prefix: str, inputs: str, outputs: str) -> bytes:
    """Extract a part of a model that :func:`join_parts` made.

    Args:
        content: the model, serialized.
        prefix: the name of the part.
        inputs, outputs: names of the values that become the inputs and outputs of the part: ``NAME``, or ``NAME_0``,
            ``NAME_1`` ...

    Raises:
        ModelError: if there is no such part.
    """
    whole = onnx.load_model_from_string(content)
    nodes = [node for node in whole.graph.node if node.name.startswith(f"{prefix}/")]
    graph = whole.graph
    known = {value.name: value for value in (*graph.input, *graph.output, *graph.value_info)}
    reads = {name for node in nodes for name in _list_inputs(node)}
    writes = {name for node in nodes for name in node.output}
    taken = [known[name] for name in _list_numbered(inputs, known) if name in reads]
    given = [known[name] for name in _list_numbered(outputs, known) if name in writes]
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
    """Write what hcl-onnx must know about a model into its metadata."""
    onnx.helper.set_model_props(model, {KEY: json.dumps(about)})


def _list_numbered(name: str, known: Iterable[str]) -> list[str]:
    """List the known names among ``name_0``, ``name_1`` ..., or else ``name`` itself."""
    known = set(known)
    found = [f"{name}_{s}" for s in range(len(known)) if f"{name}_{s}" in known]
    return found or [name for name in (name,) if name in known]


def _list_inputs(node: NodeProto) -> Iterator[str]:
    """Yield the names of the values that a node reads, including those read by its subgraphs."""
    yield from node.input
    for graph in _list_subgraphs(node):
        for inner in graph.node:
            yield from _list_inputs(inner)


def _rename(graph: GraphProto, prefix: str, kept: set[str]) -> None:
    def add_prefix(name: str) -> str:
        return name if not name or name in kept else f"{prefix}/{name}"

    for value in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.name = add_prefix(value.name)
    for i, node in enumerate(graph.node):
        node.name = f"{prefix}/{node.name or f'{node.op_type}_{i}'}"
        node.input[:] = map(add_prefix, node.input)
        node.output[:] = map(add_prefix, node.output)
        for inner in _list_subgraphs(node):
            _rename(inner, prefix, kept)


def _list_subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs
