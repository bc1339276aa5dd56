"""The kinds of components: one abstract class each, which states the contract that its implementations keep.

Common to all: images are float ``[B, 3, H, W]``, RGB, in [0, 1]; a component that wants another range converts inside.
Any ``H`` and ``W`` from 1 upwards work. In evaluation mode an image's result does not depend on what else is in the
batch. The input is not modified. Everything runs on the device of the module and, under autocast, in its precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from torch import Tensor

from hcl_sdk.interfaces.base import Bindable, Component
from hcl_sdk.interfaces.values import Clusters, Detection, Pyramid, PyramidSpec


class Encoder(Component, ABC):
    """Image -> :class:`~hcl_sdk.Pyramid`.

    A subclass makes its layers in ``build`` and says in ``spec`` what ``forward`` returns.
    """

    kind: ClassVar[str] = "encoder"

    def __attrs_post_init__(self) -> None:
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Make the layers. Called once, when the fields are set and validated."""

    @property
    @abstractmethod
    def spec(self) -> PyramidSpec:
        """Channels and strides of the maps that ``forward`` returns."""

    @abstractmethod
    def forward(self, image: Tensor) -> Pyramid:
        """Features of ``[B, 3, H, W]`` images: maps ``[B, C_s, ceil(H / stride_s), ceil(W / stride_s)]``."""


class Interaction(Bindable, ABC):
    """Pyramid -> Pyramid of the same strides, each scale informed by the others."""

    kind: ClassVar[str] = "interaction"

    def bind(self, spec: PyramidSpec) -> Self:
        """Make the layers for pyramids of ``spec``. Returns self.

        Raises:
            ValueError: if such a pyramid cannot be processed, or the component is bound to another spec.
        """
        self._bind(spec)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec) -> None:
        """Make the layers for incoming pyramids of ``spec``; raise ``ValueError`` for one that cannot be processed."""

    @property
    @abstractmethod
    def spec(self) -> PyramidSpec:
        """Channels and strides of the maps that ``forward`` returns; known once bound."""

    @abstractmethod
    def forward(self, pyramid: Pyramid) -> Pyramid:
        """Mix the scales. Sizes and strides stay as they are; channels become those of ``spec``."""


class Head(Bindable, ABC):
    """Pyramid -> unit embeddings for every pixel of every scale.

    Attributes:
        dim: channels of the embeddings; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "head"
    dim: int

    def bind(self, spec: PyramidSpec) -> Self:
        """Make the layers for pyramids of ``spec``. Returns self.

        Raises:
            ValueError: if such a pyramid cannot be processed, or the component is bound to another spec.
        """
        self._bind(spec)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec) -> None:
        """Make the layers for incoming pyramids of ``spec``; raise ``ValueError`` for one that cannot be processed."""

    @abstractmethod
    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        """Embeddings ``[B, dim, H_s, W_s]`` of unit length over the channels, one tensor a scale."""


class Clusterer(Bindable, ABC):
    """Embeddings of the pixels in question -> two clusters, and which of them is corrupted.

    It is always called in float32, whatever the precision of the rest.

    Attributes:
        temperature: softness of the assignment to centers, by cosine distance; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "clusterer"
    temperature: float

    def bind(self, dim: int) -> Self:
        """Make the layers for embeddings of ``dim`` channels. Returns self.

        Raises:
            ValueError: if the component is bound to another ``dim``.
        """
        self._bind(dim)
        return self

    @abstractmethod
    def build(self, dim: int) -> None:
        """Make the layers for embeddings of ``dim`` channels."""

    @abstractmethod
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        """Cluster the candidates of each image, then assign *every* pixel of the map to the two centers.

        Args:
            embedding: ``[B, D, H, W]`` unit vectors, float32.
            candidates: ``[B, 1, H, W]`` bool, the pixels to cluster. An image without any gets zero centers and an
                assignment of 0.5 (unless the centers do not depend on it).
            seed: of whatever is drawn. The global random state is neither used nor changed.
        """

    @abstractmethod
    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        """How likely each center is one of *corrupted* pixels: ``[B, 2, D]`` -> logits ``[B, 2]``.

        None if the clusterer has no opinion; then the smaller cluster is taken for the corrupted one.
        """

    @property
    def finds_one_class(self) -> bool:
        """Whether two centers on the same side (logits of one sign) mean that the image has one class only.

        Then nothing is corrupted, or all is, and the two clusters are not forced on it.
        """
        return False


class Restorer(Bindable, ABC):
    """Image + :class:`~hcl_sdk.Detection` -> image.

    A restorer that needs no more than the image and ``detection.corruption_mask`` leaves ``uses_features`` False; it is
    complete once made. One that uses the encoder's features sets it True and gets ``detection.pyramid`` and
    ``detection.masks`` of the spec that it was bound to.
    """

    kind: ClassVar[str] = "restorer"
    uses_features: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        if not self.uses_features:
            self.bind(None)

    def bind(self, spec: PyramidSpec | None) -> Self:
        """Make the layers for the features of an encoder with ``spec``, None where there is none. Returns self.

        Raises:
            ValueError: if features are needed and there are none or unsuitable ones, or the component is bound to
                another spec.
        """
        if self.uses_features and spec is None:
            raise ValueError(
                f"{type(self).__name__} restores from the features of a detector's encoder, and there is no detector; "
                f"use a restorer that needs the image and mask only, such as GatedUNet"
            )
        self._bind(spec if self.uses_features else None)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec | None) -> None:
        """Make the layers; ``spec`` is None if ``uses_features`` is False."""

    @abstractmethod
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Restore ``[B, 3, H, W]`` images in [0, 1]: the same shape and range, filled where the mask is True.

        What is returned outside the mask does not matter: the pipeline keeps the pixels of the photo there.
        """


KINDS: dict[str, type[Component]] = {base.kind: base for base in (Encoder, Interaction, Head, Clusterer, Restorer)}
