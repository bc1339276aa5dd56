"""Compose a pipeline in YAML, and see how errors in a configuration are reported.

The weights are random here: the program shows how a configuration is used, and the mask means nothing until they are
trained.

    python examples/compose_in_yaml.py [FOLDER]
"""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path

import torch

from hcl_sdk import Pipeline
from hcl_sdk.config import ConfigError, dump_yaml

CONFIGURATION = Path(__file__).with_suffix(".yaml")

WRONG = """
detector:
  encoder: {use: convnxt}
  head: {use: projection, dimm: 16}
restorer: {use: gated-unet, dim: "8"}
threshold: 2
"""


def main(folder: Path) -> None:
    torch.manual_seed(0)
    pipeline = Pipeline.from_config(CONFIGURATION)
    with as_file(files("hcl_sdk") / "assets/sample.jpg") as photo:
        result = pipeline.detect(photo)
    print(f"photo {result.photo.size}, mask {tuple(result.corruption_mask.shape)}")

    # The whole configuration, with the defaults that the file left out, builds the same pipeline again.
    config = pipeline.to_config()
    assert Pipeline.from_config(config).to_config() == config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(dump_yaml(config), encoding="utf-8")
    print(f"written to {folder / 'pipeline.yaml'}")

    # All that is wrong is reported at once.
    try:
        Pipeline.from_config(WRONG)
    except ConfigError as error:
        print(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("example_output"))
