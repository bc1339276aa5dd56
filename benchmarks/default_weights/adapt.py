"""Adapt the detector of one training stage for the next: it detects the same, or nearly so, but can learn more.

    python benchmarks/default_weights/adapt.py anchor WEIGHTS FOLDER
    python benchmarks/default_weights/adapt.py deepen WEIGHTS FOLDER
    python benchmarks/default_weights/adapt.py widen WEIGHTS FOLDER

WEIGHTS is a folder or name of weights. FOLDER gets the adapted detector, without a restorer, to start training from.

``anchor`` replaces the clusterer ``prototypes`` by ``anchored-kmeans``, with the same prototypes as its anchors.

``deepen`` needs ``residual-fpn``, to which it gives the residual blocks in ``DEPTHS``; at first, the new ones change
nothing (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).

``widen`` needs the encoders ``resnet`` and ``efficientnet-lite`` side by side, and ``residual-fpn``, to which it gives
the channels in ``CHANNELS``; at first, nothing depends on the new ones (Chen, Goodfellow and Shlens, "Net2Net", ICLR
2016, in its simplest form). ``efficientnet-lite`` is then frozen partly instead of wholly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import attrs
import torch

from hcl_sdk import AnchoredKMeans, Pipeline, Prototypes, ResidualFPN
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.efficientnet_lite import EfficientNetLiteEncoder
from hcl_sdk.encoders.side_by_side import SideBySideEncoder

STRENGTH = 0.5
"""The prior weight of the anchors."""

DEPTHS = (2, 3, 4, 3, 2)
CHANNELS = (32, 48, 64, 96, 128)
SEED = 7
"""For the new channels and blocks."""


def anchor(detector: Detector) -> Detector:
    """Replace prototypes by clusters of each photo that start from, and are anchored at, the same prototypes."""
    if not isinstance(detector.clusterer, Prototypes):
        raise SystemExit(f"expected a detector with the clusterer prototypes; got {detector.clusterer}")
    anchored = AnchoredKMeans(strength=STRENGTH).bind(detector.head.dim)
    with torch.no_grad():
        anchored.prototypes.copy_(detector.clusterer.prototypes)
        anchored.bias.copy_(detector.clusterer.bias)
    return attrs.evolve(detector, clusterer=anchored)


def deepen(detector: Detector) -> Detector:
    """Add residual blocks to the interaction; the detector detects the same."""
    interaction = detector.interaction
    if not isinstance(interaction, ResidualFPN) or interaction.depths or len(interaction.channels) != len(DEPTHS):
        raise SystemExit(f"expected a residual-fpn with {len(DEPTHS)} scales and a block for each; got {interaction}")
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        deeper = detector.replace(interaction=attrs.evolve(interaction, depths=DEPTHS))
    state = {
        name: torch.zeros_like(tensor) if name.endswith("conv2.1.weight") else tensor
        for name, tensor in deeper.state_dict().items()
    }
    deeper.load_state_dict(state | detector.state_dict())
    return deeper


def widen(detector: Detector) -> Detector:
    """Add channels to the interaction, and let the pretrained encoder learn in part; the detector detects the same."""
    return thaw_encoder(widen_interaction(detector, CHANNELS))


def widen_interaction(detector: Detector, channels: tuple[int, ...]) -> Detector:
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


def thaw_encoder(detector: Detector) -> Detector:
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


ADAPTATIONS: dict[str, Callable[[Detector], Detector]] = {"anchor": anchor, "deepen": deepen, "widen": widen}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adaptation", choices=tuple(ADAPTATIONS))
    parser.add_argument("weights")
    parser.add_argument("folder")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{arguments.weights} has no detector")
    adapt = ADAPTATIONS[arguments.adaptation]
    pipeline.replace(detector=adapt(pipeline.detector), restorer=None).save_pretrained(arguments.folder, half=True)


if __name__ == "__main__":
    main()
