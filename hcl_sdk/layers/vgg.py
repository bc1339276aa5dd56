"""The features of VGG-19 (Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015, configuration E)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.files import expand_home
from hcl_sdk.files.tensors import read_tensors

CONVOLUTIONS = (2, 2, 4, 4, 4)
"""Number of convolutions in each block; blocks are separated by max-pooling."""

CHANNELS = (64, 128, 256, 512, 512)
"""Channels of each block."""

LAYERS = tuple(f"relu{block}_{i}" for block, count in enumerate(CONVOLUTIONS, 1) for i in range(1, count + 1))
"""``relu3_2`` is the output of the second convolution of the third block, after its activation."""

ADDRESS = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""Where torchvision's weights are downloaded from; the end of the name is the beginning of the file's SHA-256."""


class VGG19Features(nn.Module):
    """VGG-19 as far as the deepest of some layers; :func:`load_vgg19` sets its parameters, named as torchvision does.

    Args:
        layers: some of ``LAYERS``.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        self.layers = tuple(layers)
        depth = 1 + max(LAYERS.index(name) for name in layers)
        self.features = nn.ModuleDict(
            {
                # Random values would take long to draw, and are not needed.
                str(position): nn.utils.skip_init(nn.Conv2d, before, after, 3, padding=1)
                for position, before, after in islice(_list_convolutions(), depth)
            }
        )
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute features of ``[B, 3, H, W]`` images in [0, 1], normalized as ImageNet's are: one map per layer.

        A side of one pixel, which VGG-19 itself cannot halve, is kept.
        """
        x = (image - self.get_buffer("mean")) / self.get_buffer("deviation")
        found: dict[str, Tensor] = {}
        for name, convolution in zip(LAYERS, self.features.values(), strict=False):
            if name.endswith("_1") and name != "relu1_1":
                x = F.max_pool2d(x, [min(2, extent) for extent in x.shape[-2:]])
            x = F.relu(convolution(x))
            if name in self.layers:
                found[name] = x
        return [found[name] for name in self.layers]


def load_vgg19(layers: Sequence[str], weights: str) -> VGG19Features:
    """Load VGG-19 up to the deepest of ``layers``, with trained weights.

    Args:
        layers: some of ``LAYERS``.
        weights: a file with the state of torchvision's ``vgg19`` (``vgg19-dcbb9e9d.pth``, or the same tensors as
            ``.safetensors``); or ``download``, which gets that file and keeps it where ``torch.hub`` does. The
            classifier, and layers deeper than needed, may be missing. Nothing but tensors is read.

    Raises:
        ValueError: if there is no such file, it cannot be read or downloaded, or it is not of this network.
    """
    state = _read(weights)
    everywhere = {
        f"features.{position}.{leaf}" for position, _, _ in _list_convolutions() for leaf in ("weight", "bias")
    }
    network = VGG19Features(layers)
    wanted = network.state_dict()
    problems = [f"missing: {name} {_get_shape(wanted[name])}" for name in wanted if name not in state]
    # Names beyond those of VGG-19 mean another network of its family, even if the first layers fit.
    problems += [f"unexpected: {name}" for name in state if name.startswith("features.") and name not in everywhere]
    for name in wanted.keys() & state.keys():
        if state[name].shape != wanted[name].shape:
            problems.append(f"{name}: expected shape {_get_shape(wanted[name])}, got {_get_shape(state[name])}")
        elif not state[name].isfinite().all():
            problems.append(f"{name} holds NaN or infinity")
    if problems:
        raise ValueError(f"{weights} does not hold VGG-19 in torchvision's layout:\n  " + "\n  ".join(sorted(problems)))
    network.load_state_dict({name: state[name] for name in wanted})
    return network


def _list_convolutions() -> Iterator[tuple[int, int, int]]:
    """List for each convolution its index in torchvision's ``features``, and its input and output channels."""
    position, before = 0, 3
    for count, after in zip(CONVOLUTIONS, CHANNELS, strict=True):
        for _ in range(count):
            yield position, before, after
            position, before = position + 2, after  # the activation has an index, too
        position += 1  # and so does the pooling


def _read(weights: str) -> Mapping[str, Tensor]:
    state: Any
    if weights == "download":
        try:
            state = torch.hub.load_state_dict_from_url(ADDRESS, map_location="cpu", check_hash=True, weights_only=True)
        except Exception as error:  # every kind of network error, and a wrong hash
            raise ValueError(
                f"VGG-19's weights cannot be downloaded: {error}. Get {ADDRESS} in another way, and pass the file"
            ) from error
    else:
        path = expand_home(weights)
        if not path.is_file():
            raise ValueError(f"expected a file with VGG-19's weights, or 'download'; there is no file {weights}")
        if path.suffix == ".safetensors":
            return read_tensors(path)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # for other files, the readers raise anything: KeyError, IndexError, ...
            raise ValueError(
                f"{weights} is damaged, or holds more than tensors, which is not read because it could run code"
            ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{weights} holds something other than named tensors")
    return state


def _get_shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
