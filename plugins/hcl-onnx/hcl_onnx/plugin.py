"""Registers this package's components. Importing this module imports neither ONNX Runtime nor torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.encoder("encoder", "hcl_onnx.encoder:OnnxEncoder", summary="the encoder of an exported detector.onnx")
    registry.head(
        "head", "hcl_onnx.head:OnnxHead", summary="interaction and head, in one, of an exported detector.onnx"
    )
    registry.restorer("restorer", "hcl_onnx.restorer:OnnxRestorer", summary="an exported restorer.onnx")
