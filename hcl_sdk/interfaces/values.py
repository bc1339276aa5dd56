"""The values passed between components: frozen dataclasses of tensors, registered with ``torch.export`` and Dynamo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hcl_sdk.functional.masks import check_mask, pool_mask


@dataclass(frozen=True, kw_only=True)
class PyramidSpec:
    """Channels and strides of a feature pyramid, fine to coarse.

    Attributes:
        channels: channels of each map.
        strides: pixels of the image per pixel of each map, strictly increasing. A map of stride ``s`` of an image of
            height ``H`` has height ``ceil(H / s)``.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.strides) or not self.channels:
            raise ValueError(
                f"a PyramidSpec needs as many channels as strides, at least one; got {self.channels} and {self.strides}"
            )
        if any(fine >= coarse for fine, coarse in zip((0, *self.strides), self.strides, strict=False)):
            raise ValueError(f"strides must be positive and strictly increasing, fine to coarse; got {self.strides}")
        if any(channels < 1 for channels in self.channels):
            raise ValueError(f"channels must be positive; got {self.channels}")

    def __len__(self) -> int:
        return len(self.channels)


class _Shapes:
    """Abbreviates tensors to their shapes when printed."""

    def __repr__(self) -> str:
        shown = (f"{f.name}={_describe_shape(getattr(self, f.name))}" for f in fields(self))  # pyright: ignore[reportArgumentType]
        return f"{type(self).__name__}({', '.join(shown)})"


def _describe_shape(value: object) -> str:
    if isinstance(value, Tensor):
        return f"<{str(value.dtype).removeprefix('torch.')} {list(value.shape)}>"
    if isinstance(value, tuple):
        return f"({', '.join(map(_describe_shape, value))})"
    return repr(value)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pyramid(_Shapes):
    """Feature maps of a batch of images, fine to coarse.

    Attributes:
        maps: one ``[B, C_s, H_s, W_s]`` tensor per scale.
        spec: the channels and strides of ``maps``.
    """

    maps: tuple[Tensor, ...]
    spec: PyramidSpec

    def __len__(self) -> int:
        return len(self.maps)

    def with_maps(self, maps: Sequence[Tensor]) -> Pyramid:
        """Return a pyramid with the same strides and other maps, whose channels are taken from the maps."""
        channels = tuple(m.shape[1] for m in maps)
        return Pyramid(maps=tuple(maps), spec=PyramidSpec(channels=channels, strides=self.spec.strides))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Clusters(_Shapes):
    """The two clusters that a :class:`~hcl_sdk.Clusterer` finds in each image, in no particular order.

    Attributes:
        centers: ``[B, 2, D]`` unit vectors (zero for an image that had no pixels to cluster), float32.
        assignment: ``[B, 1, H, W]`` weight of the *second* center for every pixel, in [0, 1], float32.
    """

    centers: Tensor
    assignment: Tensor


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ScaleDetection(_Shapes):
    """The detector's result at one scale. All maps are ``[B, 1, H_s, W_s]``; masks are bool.

    Attributes:
        candidates: the pixels in question: those that no coarser scale settled.
        centers: ``[B, 2, D]``, the center of the valid cluster first, then that of the corrupted one.
        cluster_confidence: probability of *corrupted* according to this scale's clusters alone, for every pixel.
        settles_valid: settled at this scale as valid.
        settles_corrupted: settled at this scale as corrupted.
        settled_valid: settled as valid at this scale or a coarser one.
        settled_corrupted: settled as corrupted at this scale or a coarser one.
        confidence: probability of *corrupted*: this scale's for its candidates, the coarser scale's elsewhere.
        corruption_mask: True = corrupted: ``confidence > 0.5``.
        logits: ``[B, 2]``, the clusterer's logits of each center being that of *corrupted* pixels; only at the coarsest
            scale, and only if the clusterer has an opinion.
    """

    candidates: Tensor
    centers: Tensor
    cluster_confidence: Tensor
    settles_valid: Tensor
    settles_corrupted: Tensor
    settled_valid: Tensor
    settled_corrupted: Tensor
    confidence: Tensor
    corruption_mask: Tensor
    logits: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Detection(_Shapes):
    """The corrupted pixels of a batch of images. A restorer receives it together with the images.

    Attributes:
        confidence: ``[B, 1, H, W]`` probability of *corrupted* at the resolution of the images, float32.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted = to be filled.
        masks: the corruption mask of every scale, fine to coarse, ``[B, 1, H_s, W_s]`` bool each; empty without a
            pyramid.
        pyramid: the *encoder's* feature maps (before the interaction); None without a detector.
        embeddings: unit vectors ``[B, D, H_s, W_s]``, fine to coarse; empty if the mask was given.
        scales: how each scale arrived at its mask, fine to coarse; empty if the mask was given.
        damage_logits: ``[B, 6, H_s, W_s]`` float32 at the resolution of one of the scales: the kind of damage of each
            pixel, if it is damaged, as a logit for each kind in :data:`~hcl_sdk.interfaces.DAMAGE`, in order. None if
            the detector does not predict it.
        verdict_logits: ``[B]`` float32, the logit of *this image is damaged*, which ``confidence`` does not take into
            account; None if the detector does not judge images as a whole.
    """

    confidence: Tensor
    corruption_mask: Tensor
    masks: tuple[Tensor, ...] = ()
    pyramid: Pyramid | None = None
    embeddings: tuple[Tensor, ...] = ()
    scales: tuple[ScaleDetection, ...] = ()
    damage_logits: Tensor | None = None
    verdict_logits: Tensor | None = None

    @classmethod
    def from_mask(cls, corruption_mask: Tensor, pyramid: Pyramid | None = None) -> Detection:
        """Create a detection from a known mask.

        Args:
            corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
            pyramid: the encoder's features of the same images, for restorers that use them. At each scale, a pixel is
                corrupted if any image pixel under it is.

        Raises:
            TypeError: if the mask is not bool.
            ValueError: if the mask is not ``[B, 1, H, W]``.
        """
        check_mask(corruption_mask)
        return cls(
            confidence=corruption_mask.float(),
            corruption_mask=corruption_mask,
            masks=() if pyramid is None else tuple(pool_mask(corruption_mask, s) for s in pyramid.spec.strides),
            pyramid=pyramid,
        )


for _value in (PyramidSpec, Pyramid, Clusters, ScaleDetection, Detection):
    torch.export.register_dataclass(_value)
