"""Detectors and restorers of hcl_sdk in the ONNX format, run by ONNX Runtime.

Importing this package imports neither torch, nor hcl_sdk, nor ONNX Runtime. ``hcl_onnx.export`` writes the files,
``hcl_onnx.load`` loads them into hcl_sdk as components, and ``hcl_onnx.run`` runs them without torch.
"""
