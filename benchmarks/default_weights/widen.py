"""Let a detector learn more: what it computes stays the same, with wider fine scales and an encoder that can learn.

    python benchmarks/default_weights/widen.py WEIGHTS FOLDER

WEIGHTS is a folder or name of weights whose encoders are ``resnet`` and ``efficientnet-lite`` side by side, and whose
interaction is ``residual-fpn``; FOLDER gets a detector for training to go on from. Its ``residual-fpn`` has the
channels in ``CHANNELS``: what was computed before does not depend on the new ones at first (Chen, Goodfellow and
Shlens, "Net2Net", ICLR 2016, in the simplest form). ``efficientnet-lite`` is frozen partly instead of wholly.
"""

from __future__ import annotations

import argparse

import attrs
import torch

from hcl_sdk import Pipeline, ResidualFPN
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.efficientnet_lite import EfficientNetLiteEncoder
from hcl_sdk.encoders.side_by_side import SideBySideEncoder

CHANNELS = (32, 48, 64, 96, 128)
SEED = 7
"""Of the new channels."""


def widen(detector: Detector, channels: tuple[int, ...]) -> Detector:
    """Make a detector with at least as many channels at every scale of its interaction that detects the same."""
    interaction = detector.interaction
    if not isinstance(interaction, ResidualFPN) or any(
        more < own for more, own in zip(channels, interaction.channels, strict=True)
    ):
        raise SystemExit(f"expected a residual-fpn with at most {channels} channels; got {interaction}")
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        wider = detector.replace(
            interaction=ResidualFPN(channels=channels, attention=interaction.attention, head_dim=interaction.head_dim)
        )
    own, state = detector.state_dict(), wider.state_dict()
    for name, tensor in state.items():
        before = own[name]
        if tensor.ndim > 1:
            tensor[: before.shape[0], before.shape[1] :] = 0
        tensor[tuple(slice(extent) for extent in before.shape)] = before
    return wider


def thaw(detector: Detector) -> Detector:
    """Make a detector with the same weights whose ``efficientnet-lite`` is frozen partly."""
    encoder = detector.encoder
    if not isinstance(encoder, SideBySideEncoder):
        raise SystemExit(f"expected encoders side by side; got {encoder}")
    streams = [
        attrs.evolve(stream, frozen="partly") if isinstance(stream, EfficientNetLiteEncoder) else stream
        for stream in encoder.encoders
    ]
    thawed = detector.replace(encoder=SideBySideEncoder(encoders=tuple(streams)))
    thawed.load_state_dict(detector.state_dict())
    return thawed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("folder")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{arguments.weights}: expected weights with a detector")
    detector = thaw(widen(pipeline.detector, CHANNELS))
    pipeline.replace(detector=detector, restorer=None).save_pretrained(arguments.folder, half=True)


if __name__ == "__main__":
    main()
