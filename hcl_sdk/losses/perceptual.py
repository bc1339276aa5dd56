"""The published perceptual loss, and the same with any other network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import torch
from attrs.validators import deep_iterable, ge, in_
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Encoder, RestorationLoss, component
from hcl_sdk.layers.vgg import CHANNELS, LAYERS, VGG19Features

ADDRESS = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""Where ``weights: download`` gets torchvision's VGG-19 from; the end of the name is the beginning of its SHA-256."""


@component
class PerceptualLoss(RestorationLoss):
    """Mean absolute difference of the features that a frozen network finds in both images (paper, section 3.4).

    The published network is VGG-19, trained on ImageNet; any encoder can take its place. Neither is trained, nor part of
    checkpoints.

    Attributes:
        weight: factor in the sum of losses.
        weights: VGG-19's weights: a file in torchvision's layout (``.pth`` or ``.safetensors``), or ``download``. Of an
            ``encoder``, a folder or name of weights of a pipeline whose detector has such an encoder.
        layers: VGG-19's layers that are compared, each counting 1; of an encoder, all scales are.
        encoder: a network in place of VGG-19.

    Raises:
        ValueError: if the weights are missing, are none of this network, or a layer does not exist.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    weights: str
    layers: tuple[str, ...] = attrs.field(default=("relu2_2", "relu3_2"), validator=deep_iterable(in_(LAYERS)))
    encoder: Encoder | None = None

    def build(self) -> None:
        network: nn.Module
        if self.encoder is None:
            network = VGG19Features(self.layers, _channels_of(state := _vgg_state(self.weights)))
            _load(network, state, self.weights)
        else:
            network = self.encoder
            _load(network, _encoder_state(self.weights), self.weights)
        network.requires_grad_(False)
        # In a list, so that it is neither saved nor put into training mode.
        self._network = [network.eval()]
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def _apply(self, fn: Any, recurse: bool = True) -> PerceptualLoss:
        self._network[0]._apply(fn, recurse)  # moves with the loss to another device
        return super()._apply(fn, recurse)

    def train(self, mode: bool = True) -> PerceptualLoss:
        """As every module; the network stays in evaluation mode."""
        super().train(mode)
        self._network[0].eval()
        return self

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self._features(target)
        found = self._features(restored)
        return torch.stack([(a - b).abs().mean() for a, b in zip(found, wanted, strict=True)]).sum()

    def _features(self, image: Tensor) -> list[Tensor]:
        network = self._network[0]
        if isinstance(network, Encoder):
            return list(network(image).maps)
        if (shorter := min(image.shape[-2:])) < 16:  # VGG-19 halves four times
            image = resize(image, [-(-extent * 16 // shorter) for extent in image.shape[-2:]], "bilinear")
        return list(network((image - self.mean) / self.deviation).values())


def _vgg_state(weights: str) -> dict[str, Tensor]:
    if weights == "download":
        try:
            return torch.hub.load_state_dict_from_url(ADDRESS, map_location="cpu", check_hash=True, weights_only=True)
        except Exception as error:  # every kind of network error, and a wrong hash
            raise ValueError(f"VGG-19's weights cannot be downloaded from {ADDRESS}: {error}") from error
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ValueError(f"expected a file of VGG-19's weights in torchvision's layout, or 'download'; got {weights!r}")
    try:
        return load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, SafetensorError, ImportError) as error:
        raise ValueError(f"{weights!r} is no file of weights: {error}") from error
    except Exception as error:  # pickle's own, for files with code in them
        raise ValueError(f"{weights!r} is no file of tensors alone, and is not loaded: {error}") from error


def _channels_of(state: dict[str, Tensor]) -> tuple[int, ...]:
    """The width of each block of a VGG-19 in a file, so that small ones with its layout work too."""
    firsts = (
        "features.0.weight",
        "features.5.weight",
        "features.10.weight",
        "features.19.weight",
        "features.28.weight",
    )
    return tuple(
        int(state[name].shape[0]) if name in state else width for name, width in zip(firsts, CHANNELS, strict=True)
    )


def _encoder_state(weights: str) -> dict[str, Tensor]:
    from hcl_sdk.weights import WEIGHTS, find_weights

    state = load_file(find_weights(weights) / WEIGHTS)
    prefix = "detector.encoder."
    return {name.removeprefix(prefix): t.float() for name, t in state.items() if name.startswith(prefix)}


def _load(network: nn.Module, state: dict[str, Tensor], source: str) -> None:
    wanted = network.state_dict()
    problems = [f"missing {name}" for name in wanted if name not in state]
    problems += [
        f"{name} is {list(state[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(f"the weights {source!r} are not of this network: {'; '.join(problems[:3])}{more}")
    network.load_state_dict({name: state[name] for name in wanted})
