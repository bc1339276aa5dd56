"""The detector: encoder, interaction, head and clusterer, composed and run from coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import attrs
import torch
from attrs.converters import optional
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk._renamed import keep_old_name
from hcl_sdk.clusterers.soft_kmeans import SoftKMeans
from hcl_sdk.config import make_converter
from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.errors import check_keywords
from hcl_sdk.functional.arrays import CERTAIN
from hcl_sdk.functional.resize import resize
from hcl_sdk.functional.settling import erode_mask, select_most_certain
from hcl_sdk.functional.tiles import TileMerger, cut_tiles
from hcl_sdk.heads.damage import DamageHead
from hcl_sdk.heads.detail import DetailFusion
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.heads.verdict import Verdict
from hcl_sdk.interactions.top_down import TopDownFusion
from hcl_sdk.interfaces import (
    Clusterer,
    Clusters,
    Component,
    Detection,
    Encoder,
    Head,
    Interaction,
    Pyramid,
    ScaleDetection,
    check_mask,
    component,
    get_device,
)


def _check_shares(
    instance: Detector, attribute: attrs.Attribute[float | tuple[float, ...]], value: float | tuple
) -> None:
    for share in value if isinstance(value, tuple) else (value,):
        if not 0 <= share <= 1:
            raise ValueError(f"'{attribute.name}' must be a share from 0 to 1, or one for each scale: {value}")


_TILE, _OVERLAP = 576, 64
"""Side of a tile in pixels, without the overlap with one neighbor, and that overlap, approximately."""


class ConfidenceError(ValueError):
    """Confidence is not a probability: the weights are damaged, or numbers overflowed."""


@component
class Detector(Component):
    """Finds the corrupted region of each image, from coarse to fine (paper, section 3.2).

    At the coarsest scale all pixels are in question; each scale clusters those in question, settles the ones it is most
    confident about, and leaves the rest to the next finer scale. Creating a detector binds its parts to each other. A
    part can also be given as in a configuration: ``encoder="convnext"``, ``head={"use": "projection", "dim": 32}``.

    Attributes:
        encoder: extracts a pyramid of features: ``b 3 h w -> (b c_s h_s w_s)``.
        interaction: the neck; fuses features across scales: ``(b c_s h_s w_s) -> (b c'_s h_s w_s)``.
        head: maps features to embeddings: ``(b c'_s h_s w_s) -> (b dim h_s w_s)``.
        clusterer: clusters the embeddings of a scale: ``b dim h_s w_s -> b 1 h_s w_s``.
        settle: share of the pixels of either class that a scale settles, the most confident ones; one number for all
            scales, or one for each, fine to coarse. The finest scale's has no effect on the mask.
        upsampling: how the finest scale's confidence is upsampled to the size of the image.
        damage_head: predicts the kind of damage of every pixel from the features that the head gets; None for a
            detector that does not tell kinds.
        verdict: judges from the confidence at every scale whether there is any damage in the image; None for a
            detector that only judges pixels.
        detail_fusion: fuses the confidence in a photo at a working size with that in tiles of its own pixels; None
            for a detector that only processes whole images.

    Raises:
        ValueError: if the parts do not match, or ``settle`` does not have one number per scale.
    """

    kind: ClassVar[str] = "detector"

    encoder: Encoder = attrs.field(factory=SwinEncoder, converter=make_converter(Encoder))
    interaction: Interaction = attrs.field(factory=TopDownFusion, converter=make_converter(Interaction))
    head: Head = attrs.field(factory=ProjectionHead, converter=make_converter(Head))
    clusterer: Clusterer = attrs.field(factory=SoftKMeans, converter=make_converter(Clusterer))
    settle: float | tuple[float, ...] = attrs.field(default=0.95, validator=_check_shares)
    upsampling: Literal["nearest", "bilinear"] = "nearest"
    damage_head: DamageHead | None = attrs.field(default=None, converter=optional(make_converter(DamageHead)))
    verdict: Verdict | None = attrs.field(default=None, converter=optional(make_converter(Verdict)))
    detail_fusion: DetailFusion | None = attrs.field(default=None, converter=optional(make_converter(DetailFusion)))

    def __attrs_post_init__(self) -> None:
        spec = self.encoder.spec
        if isinstance(self.settle, tuple) and len(self.settle) != len(spec):
            raise ValueError(
                f"settle needs one share for each of the {len(spec)} scales of {type(self.encoder).__name__}, "
                f"fine to coarse; got {self.settle}"
            )
        with get_device(self.encoder):
            self.interaction.bind(spec)
            if self.interaction.spec.strides != spec.strides:
                raise ValueError(
                    f"an interaction must keep the strides of the encoder, {spec.strides}; "
                    f"{type(self.interaction).__name__} makes them {self.interaction.spec.strides}"
                )
            self.head.bind(self.interaction.spec)
            self.clusterer.bind(self.head.dim)
            if self.damage_head is not None:
                self.damage_head.bind(self.interaction.spec)
            if self.verdict is not None:
                self.verdict.bind(self.interaction.spec)

    def forward(
        self, image: Tensor, *, corruption_mask: Tensor | None = None, seed: int = 0, confidence_only: bool = False
    ) -> Detection:
        """Detect the corruption of each image of a batch independently.

        Gradients flow through the pyramid, the embeddings, the logits of the coarsest scale's centers, and through
        clusters and confidence as far as the clusterer lets them; not through masks.

        Args:
            image: ``[B, 3, H, W]`` in [0, 1].
            corruption_mask: ``[B, 1, H, W]`` bool, the true mask, in training: it then decides which of the two centers
                of the coarsest scale is the corrupted one, unless the clusterer has its own order.
            seed: random seed of the clusterer; the global random state is neither used nor changed.
            confidence_only: leave out the kinds of damage and the verdict.

        Raises:
            TypeError: if ``image`` is not floating-point, or ``corruption_mask`` not bool.
            ValueError: if ``image`` is not ``[B, 3, H, W]`` with at least one pixel, ``corruption_mask`` does not match
                it, or a part returns something that violates the contract of its kind or its spec.
        """
        _check(image, corruption_mask)
        pyramid = self._encode(image)
        fused = self.interaction(pyramid)
        sizes = [m.shape[-2:] for m in pyramid.maps]
        _check_maps(self.interaction, fused, self.interaction.spec.channels, sizes)
        embeddings = self.head(fused)
        _check_maps(self.head, embeddings, (self.head.dim,) * len(sizes), sizes)
        scales = self.cluster_scales(embeddings, corruption_mask=corruption_mask, seed=seed)
        confidence = resize(scales[0].confidence, image.shape[-2:], self.upsampling)
        if not torch.compiler.is_compiling() and not ((confidence >= 0) & (confidence <= 1.001)).all():
            low, high = confidence.detach().aminmax()
            raise ConfidenceError(
                f"confidence must lie in [0, 1]; got {float(low)} to {float(high)}. The "
                f"weights are damaged, {type(self.clusterer).__name__} assigns outside [0, 1], or precision is too low"
            )
        damage_head, verdict = (None, None) if confidence_only else (self.damage_head, self.verdict)
        return Detection(
            confidence=confidence,
            corruption_mask=confidence > 0.5,
            masks=tuple(scale.corruption_mask for scale in scales),
            pyramid=pyramid,
            embeddings=embeddings,
            scales=scales,
            damage_logits=None if damage_head is None else damage_head(fused),
            verdict_logits=None if verdict is None else verdict([scale.confidence for scale in scales]),
        )

    def cluster_scales(
        self, embeddings: tuple[Tensor, ...], *, corruption_mask: Tensor | None = None, seed: int = 0
    ) -> tuple[ScaleDetection, ...]:
        """Turn the embeddings of every scale into masks; arguments and scales are those of :meth:`forward`."""
        with torch.autocast(embeddings[0].device.type, enabled=False):
            shares = self.settle if isinstance(self.settle, tuple) else (self.settle,) * len(embeddings)
            scales: list[ScaleDetection] = []
            for s in reversed(range(len(embeddings))):
                embedding = embeddings[s].float()
                if scales:
                    scales.append(self._cluster_finer(embedding, scales[-1], shares[s], seed + s))
                else:
                    truth = None if corruption_mask is None else _shrink(corruption_mask, embedding)
                    scales.append(self._cluster_coarsest(embedding, truth, shares[s], seed + s))
            return tuple(reversed(scales))

    coarse_to_fine = keep_old_name("coarse_to_fine", cluster_scales)

    def _cluster_coarsest(self, embedding: Tensor, truth: Tensor | None, share: float, seed: int) -> ScaleDetection:
        """Cluster all pixels; the classifier, or the true mask, decides which center is the corrupted one."""
        candidates = torch.ones_like(embedding[:, :1], dtype=torch.bool)
        clusters = self._cluster(embedding, candidates, seed)
        second = clusters.assignment  # weight of the second center
        logits = self.clusterer.corruption_logits(clusters.centers)
        if logits is not None and logits.shape != clusters.centers.shape[:2]:
            raise ValueError(
                f"{type(self.clusterer).__name__}.corruption_logits must return [B, 2]; got {_describe(logits)}"
            )
        if self.clusterer.is_ordered:
            swapped = torch.zeros_like(second[:, 0, 0, 0], dtype=torch.bool)
        elif truth is not None:
            error = (second - truth.float()).abs().mean(dim=(1, 2, 3))
            swapped = error > (1 - second - truth.float()).abs().mean(dim=(1, 2, 3))
        elif logits is not None:
            swapped = logits[:, 0] > logits[:, 1]
        else:
            swapped = second.mean(dim=(1, 2, 3)) > 0.5
        centers, confidence = _order(clusters.centers, second, swapped)

        one_class = torch.zeros_like(swapped)
        if truth is None and logits is not None and self.clusterer.finds_one_class:
            one_class = (logits > 0).all(dim=1) | (logits <= 0).all(dim=1)
            # The first center's probability, moved towards the second's by the pixel's assignment.
            own = logits.detach().sigmoid()[..., None, None, None]
            mixed = own[:, 0] * (1 - second) + own[:, 1] * second
            confidence = torch.where(one_class[:, None, None, None], mixed, confidence)
        if logits is not None:
            logits = torch.where(swapped[:, None], logits.flip(1), logits)
        return replace(_settle(None, candidates, centers, confidence, share, one_class), logits=logits)

    def _cluster_finer(self, embedding: Tensor, coarser: ScaleDetection, share: float, seed: int) -> ScaleDetection:
        """Cluster the pixels left open by the coarser scale, whose centers decide which new one is corrupted."""
        size = embedding.shape[-2:]
        candidates = ~resize(coarser.settled_valid | coarser.settled_corrupted, size)
        clusters = self._cluster(embedding, candidates, seed)
        similarity = torch.einsum("bkd,bjd->bkj", coarser.centers, clusters.centers)
        to_first = (similarity / self.clusterer.temperature).softmax(dim=2)[..., 0]  # [B, 2]: of valid, of corrupted
        centers, confidence = _order(clusters.centers, clusters.assignment, to_first[:, 1] > to_first[:, 0])
        return _settle(coarser, candidates, centers, confidence, share)

    def detect_in_tiles(self, image: Tensor, *, seed: int = 0) -> Tensor:
        """Detect the corruption of an image that is too large to be processed as a whole, in overlapping tiles.

        Each tile is a separate image to the detector; tiles fade into each other only where they overlap.
        :class:`~hcl_sdk.heads.detail.DetailFusion` fuses the logits with those of the whole image.

        Args:
            image: ``[1, 3, H, W]`` in [0, 1], or uint8, which takes a quarter of the memory.
            seed: as in :meth:`forward`.

        Returns:
            Logits of *corrupted*, ``[1, 1, ceil(H / 2), ceil(W / 2)]`` float32 on the CPU.
        """
        stride, size = DetailFusion.stride, image.shape[-2:]
        multiple = math.lcm(stride, *self.encoder.spec.strides)
        side, overlap = (max(1, round(pixels / multiple)) * multiple for pixels in (_TILE, _OVERLAP))
        merger = TileMerger(size, stride=stride, overlap=overlap)
        device = get_device(self)
        for tile in cut_tiles(size, side=side + overlap, overlap=overlap, multiple=multiple):
            part = image[..., tile[0], tile[1]].to(device, memory_format=torch.channels_last)
            part = part.float() / 255 if part.dtype == torch.uint8 else part
            logits = torch.logit(self(part, seed=seed, confidence_only=True).confidence.float(), CERTAIN)
            merger.add(tile, F.avg_pool2d(logits, stride, ceil_mode=True, count_include_pad=False))
        return merger.finish()

    def replace(self, **changes: Any) -> Self:
        """Create a detector with other parts or settings that shares the rest; arguments are those of ``Detector``.

        Layers fit the features they were created for. If a new part passes on other channels or strides, the parts
        after it are recreated with the same configuration, and are untrained like any other new part.

        Raises:
            TypeError: if there is no such part or setting, or it has the wrong type.
            ConfigError: if a part is described by a name or a configuration that is wrong.
            ValueError: if a part does not fit the features that it gets.

        Example:
            >>> from hcl_sdk import ConvNeXtEncoder, Detector, Identity
            >>> detector = Detector(encoder=ConvNeXtEncoder(channels=(8, 16), depths=(1, 1)), interaction=Identity())
            >>> other = detector.replace(encoder={"use": "convnext", "channels": [8], "depths": [1]})
            >>> other.encoder.spec, other.clusterer is detector.clusterer
            (PyramidSpec(channels=(8,), strides=(2,)), True)
        """
        fields = attrs.fields_dict(type(self))
        check_keywords("Detector.replace", changes, fields)
        for name, value in changes.items():
            convert: Any = fields[name].converter
            changes[name] = value if convert is None else convert(value)
        with get_device(self):
            interaction = self._fit("interaction", changes.get("encoder", self.encoder).spec, changes)
            head = self._fit("head", interaction.spec, changes)
            self._fit("clusterer", head.dim, changes)
            for name in ("damage_head", "verdict"):
                self._fit(name, interaction.spec, changes)
        return attrs.evolve(self, **changes).to(get_device(self)).train(self.training)

    def _fit(self, name: str, neighbor: Any, changes: dict[str, Any]) -> Any:
        """Bind a part to its neighbor; if it fits another one and is not given, put a new one into the changes."""
        part: Any = changes.get(name, getattr(self, name))
        if part is None:
            return None
        try:
            return part.bind(neighbor)
        except ValueError as error:
            problem = error
        if name not in changes:
            changes[name] = part = _create_anew(part)
            try:
                return part.bind(neighbor)
            except ValueError as error:
                problem = error
        raise ValueError(f"the {name} does not fit the part before it; replace it, too: {problem}") from problem

    def encode_mask(self, image: Tensor, corruption_mask: Tensor) -> Detection:
        """Create the detection for a known mask of these images, with the features that a restorer may need.

        Args:
            image: ``[B, 3, H, W]`` in [0, 1].
            corruption_mask: ``[B, 1, H, W]`` bool.

        Raises:
            TypeError, ValueError: as in :meth:`forward`.
        """
        _check(image, corruption_mask)
        return Detection.from_mask(corruption_mask, self._encode(image))

    def _encode(self, image: Tensor) -> Pyramid:
        pyramid = self.encoder(image)
        spec = self.encoder.spec
        sizes = [[-(-extent // stride) for extent in image.shape[-2:]] for stride in spec.strides]
        _check_maps(self.encoder, pyramid, spec.channels, sizes)
        return pyramid

    def _cluster(self, embedding: Tensor, candidates: Tensor, seed: int) -> Clusters:
        clusters = self.clusterer(embedding, candidates, seed=seed)
        if not torch.compiler.is_compiling():
            wanted = [len(embedding), 2, embedding.shape[1]], list(candidates.shape)
            got = (clusters.centers, clusters.assignment) if isinstance(clusters, Clusters) else clusters
            if not isinstance(got, tuple) or tuple(list(part.shape) for part in got) != wanted:
                raise ValueError(
                    f"{type(self.clusterer).__name__}.forward must return Clusters with centers {wanted[0]} and an "
                    f"assignment {wanted[1]}; got {_describe(got)}"
                )
        return clusters


def _create_anew(part: Component) -> Component:
    """Create a component with the same configuration that is bound to nothing."""

    def copy(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(copy, value))
        return _create_anew(value) if isinstance(value, Component) else value

    return attrs.evolve(part, **{field.name: copy(getattr(part, field.name)) for field in attrs.fields(type(part))})


def _settle(
    coarser: ScaleDetection | None,
    candidates: Tensor,
    centers: Tensor,
    cluster_confidence: Tensor,
    share: float,
    one_class: Tensor | None = None,
) -> ScaleDetection:
    """Settle the most confident pixels of either class and accumulate over the scales."""
    corrupted = cluster_confidence > 0.5
    open_ = candidates if one_class is None else candidates & ~one_class[:, None, None, None]
    certain_valid = select_most_certain(1 - cluster_confidence, ~corrupted, share)
    certain_corrupted = select_most_certain(cluster_confidence, corrupted, share)
    if share > 0:  # or there is nothing to erode
        certain_valid, certain_corrupted = erode_mask(certain_valid), erode_mask(certain_corrupted)
    settles_valid = certain_valid & open_ | (candidates & ~open_ & ~corrupted)
    settles_corrupted = certain_corrupted & open_ | (candidates & ~open_ & corrupted)
    confidence = cluster_confidence
    settled_valid, settled_corrupted = settles_valid, settles_corrupted
    if coarser is not None:
        size = candidates.shape[-2:]
        confidence = torch.where(candidates, cluster_confidence, resize(coarser.confidence, size))
        settled_valid = settles_valid | resize(coarser.settled_valid, size)
        settled_corrupted = settles_corrupted | resize(coarser.settled_corrupted, size)
    return ScaleDetection(
        candidates=candidates,
        centers=centers,
        cluster_confidence=cluster_confidence,
        settles_valid=settles_valid,
        settles_corrupted=settles_corrupted,
        settled_valid=settled_valid,
        settled_corrupted=settled_corrupted,
        confidence=confidence,
        corruption_mask=confidence > 0.5,
    )


def _check_maps(part: Component, returned: Any, channels: Sequence[int], sizes: Sequence[Sequence[int]]) -> None:
    """Raise ``ValueError`` unless a part returned the maps that its spec promises."""
    if torch.compiler.is_compiling():
        return
    wanted = [(c, *size) for c, size in zip(channels, sizes, strict=True)]
    maps = returned.maps if isinstance(returned, Pyramid) else returned if isinstance(part, Head) else ()
    is_right = isinstance(maps, tuple) and all(isinstance(m, Tensor) and m.ndim == 4 for m in maps)
    if not is_right or [tuple(m.shape[1:]) for m in maps] != wanted:
        promised = ", ".join(f"[B, {c}, {h}, {w}]" for c, h, w in wanted)
        form = "a tuple of" if isinstance(part, Head) else "a Pyramid of"
        raise ValueError(f"{type(part).__name__}.forward must return {form} maps {promised}; got {_describe(returned)}")


def _describe(value: Any) -> str:
    """Describe what a part returned in a few words."""
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, Pyramid):
        return f"a Pyramid of {_describe(value.maps)}"
    if isinstance(value, tuple):
        return ", ".join(map(_describe, value)) or "an empty tuple"
    return f"a {type(value).__name__}"


def _order(centers: Tensor, second: Tensor, swapped: Tensor) -> tuple[Tensor, Tensor]:
    """Put the corrupted center second, and adapt its weight, for the images in ``swapped`` ``[B]``."""
    centers = torch.where(swapped[:, None, None], centers.flip(1), centers)
    return centers, torch.where(swapped[:, None, None, None], 1 - second, second)


def _check(image: Tensor, corruption_mask: Tensor | None) -> None:
    if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(f"images must be [B, 3, H, W] with at least one pixel; got shape {tuple(image.shape)}")
    if not image.is_floating_point():
        raise TypeError(f"images must be floating-point in [0, 1]; got {image.dtype}")
    if corruption_mask is not None:
        check_mask(corruption_mask)
        expected = (image.shape[0], 1, *image.shape[2:])
        if tuple(corruption_mask.shape) != expected:
            raise ValueError(
                f"corruption_mask must be {list(expected)}, like the images; got {list(corruption_mask.shape)}"
            )


def _shrink(corruption_mask: Tensor, like: Tensor) -> Tensor:
    check_mask(corruption_mask)
    return resize(corruption_mask, like.shape[-2:])
