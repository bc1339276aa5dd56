"""``python -m hcl_onnx``: the same as the command ``hcl-onnx``."""

from hcl_onnx.cli import main

raise SystemExit(main())
