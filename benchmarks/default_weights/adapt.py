"""Adapt the weights of one training stage for the next: they do the same, or nearly so, but can learn more.

    python benchmarks/default_weights/adapt.py anchor WEIGHTS FOLDER
    python benchmarks/default_weights/adapt.py deepen WEIGHTS FOLDER
    python benchmarks/default_weights/adapt.py widen WEIGHTS FOLDER
    python benchmarks/default_weights/adapt.py widen-restorer WEIGHTS FOLDER

WEIGHTS is a folder or name of weights. FOLDER gets the adapted detector or restorer alone, to start training from.

``anchor`` replaces the clusterer ``prototypes`` by ``anchored-kmeans``, with the same prototypes as its anchors.

``deepen`` needs ``residual-fpn``, to which it gives the residual blocks in ``DEPTHS``; at first, the new ones change
nothing (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).

``widen`` needs the encoders ``resnet`` and ``efficientnet-lite`` side by side, and ``residual-fpn``, to which it gives
the channels in ``CHANNELS``; at first, nothing depends on the new ones (Chen, Goodfellow and Shlens, "Net2Net", ICLR
2016, in its simplest form). ``efficientnet-lite`` is then frozen partly instead of wholly.

``widen-restorer`` does the same, and adds blocks, to a ``residual-unet``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import torch
from torch import nn

from hcl_sdk import AnchoredKMeans, Pipeline, Prototypes, ResidualFPN, ResidualUNet, Restorer
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.efficientnet_lite import EfficientNetLiteEncoder
from hcl_sdk.encoders.side_by_side import SideBySideEncoder

STRENGTH = 0.5
"""The prior weight of the anchors."""

DEPTHS = (2, 3, 4, 3, 2)
CHANNELS = (32, 48, 64, 96, 128)
RESTORER_CHANNELS, RESTORER_DEPTHS = (48, 64, 96, 128, 160), (1, 1, 2, 2, 1)
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
    with _fix_seed():
        deeper = detector.replace(interaction=attrs.evolve(interaction, depths=DEPTHS))
    _copy_into(deeper, detector)
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
    with _fix_seed():
        wider = detector.replace(
            interaction=ResidualFPN(channels=channels, attention=interaction.attention, head_dim=interaction.head_dim)
        )
    _copy_into(wider, detector)
    return wider


def widen_restorer(restorer: Restorer) -> ResidualUNet:
    """Make a wider and deeper U-Net that fills the same."""
    if not isinstance(restorer, ResidualUNet) or any(
        more < own
        for more, own in zip(RESTORER_CHANNELS + RESTORER_DEPTHS, restorer.channels + restorer.depths, strict=True)
    ):
        raise SystemExit(
            f"expected a residual-unet with at most {RESTORER_CHANNELS} channels and {RESTORER_DEPTHS} blocks; got "
            f"{restorer}"
        )
    with _fix_seed():
        wider = ResidualUNet(channels=RESTORER_CHANNELS, depths=RESTORER_DEPTHS).bind(None)
    _copy_into(wider, restorer)
    return wider


@contextmanager
def _fix_seed() -> Iterator[None]:
    """Draw what is new the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        yield


def _copy_into(larger: nn.Module, smaller: nn.Module) -> None:
    """Copy weights to a network with more channels and residual blocks, on which nothing of these depends at first."""
    own = smaller.state_dict()
    for name, tensor in larger.state_dict().items():
        if name not in own:
            if name.endswith("conv2.1.weight"):
                tensor.zero_()
            continue
        before = own[name]
        if tensor.ndim > 1:
            tensor[: before.shape[0], before.shape[1] :] = 0
        tensor[tuple(slice(extent) for extent in before.shape)] = before


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


DETECTORS: dict[str, Callable[[Detector], Detector]] = {"anchor": anchor, "deepen": deepen, "widen": widen}
RESTORERS: dict[str, Callable[[Restorer], Restorer]] = {"widen-restorer": widen_restorer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adaptation", choices=tuple(DETECTORS | RESTORERS))
    parser.add_argument("weights")
    parser.add_argument("folder")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    detector, restorer = None, None
    if arguments.adaptation in DETECTORS:
        if pipeline.detector is None:
            raise SystemExit(f"{arguments.weights} has no detector")
        detector = DETECTORS[arguments.adaptation](pipeline.detector)
    else:
        if pipeline.restorer is None:
            raise SystemExit(f"{arguments.weights} has no restorer")
        restorer = RESTORERS[arguments.adaptation](pipeline.restorer)
    pipeline.replace(detector=detector, restorer=restorer).save_pretrained(arguments.folder, half=True)


if __name__ == "__main__":
    main()
