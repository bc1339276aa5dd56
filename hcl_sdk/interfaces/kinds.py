"""The kinds of components: one abstract class each, which states the contract of its implementations.

Shapes are written as in einops: ``b 3 h w -> b c h w``. In a pyramid, ``s`` numbers the scales, ``h_s`` is
``ceil(h / stride_s)``, and ``c_s`` is the number of channels of scale ``s``.

All components with weights have this in common: images are float ``[B, 3, H, W]``, RGB, in [0, 1]; a component that
needs another range converts internally. Any ``H`` and ``W`` from 1 upward must work. In evaluation mode the result for
an image must not depend on the rest of the batch. Inputs must not be modified. Everything runs on the device of the
module and, under autocast, in its precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from hcl_sdk.interfaces.base import Bindable, Component, Configurable
from hcl_sdk.interfaces.samples import Sample
from hcl_sdk.interfaces.values import Clusters, Detection, Pyramid, PyramidSpec
from hcl_sdk.settings import Damage


class Encoder(Component, ABC):
    """Extracts a pyramid of features from an image: ``b 3 h w -> (b c_s h_s w_s) for each scale s``, fine to coarse.

    A subclass creates its layers in ``build`` and describes the output of ``forward`` in ``spec``.
    """

    kind: ClassVar[str] = "encoder"

    def __attrs_post_init__(self) -> None:
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Create the layers. Called once, after the fields have been set and validated."""

    @property
    @abstractmethod
    def spec(self) -> PyramidSpec:
        """Channels and strides of the maps that ``forward`` returns."""

    @abstractmethod
    def forward(self, image: Tensor) -> Pyramid:
        """Encode images in [0, 1]: ``b 3 h w -> (b c_s h_s w_s) for each scale s``, fine to coarse."""


class Interaction(Bindable, ABC):
    """Fuses features across scales: ``(b c_s h_s w_s) -> (b c'_s h_s w_s)``, so that each scale sees the others.

    Detection frameworks call this part the *neck*, for example an FPN.
    """

    kind: ClassVar[str] = "interaction"

    def bind(self, spec: PyramidSpec) -> Self:
        """Create the layers for pyramids that ``spec`` describes. Returns self.

        Raises:
            ValueError: if such a pyramid is not supported, or the component is already bound to another spec.
        """
        self._bind(spec)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec) -> None:
        """Create the layers for pyramids that ``spec`` describes; raise ``ValueError`` if they are not supported."""

    @property
    @abstractmethod
    def spec(self) -> PyramidSpec:
        """Channels and strides of the maps that ``forward`` returns; known once bound."""

    @abstractmethod
    def forward(self, pyramid: Pyramid) -> Pyramid:
        """Fuse the scales: ``(b c_s h_s w_s) -> (b c'_s h_s w_s)``. Only channels may change, as ``spec`` says."""


class Head(Bindable, ABC):
    """Maps features to embeddings of unit length, pixel by pixel: ``(b c_s h_s w_s) -> (b dim h_s w_s)``.

    Attributes:
        dim: channels of the embeddings; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "head"
    dim: int

    def bind(self, spec: PyramidSpec) -> Self:
        """Create the layers for pyramids that ``spec`` describes. Returns self.

        Raises:
            ValueError: if such a pyramid is not supported, or the component is already bound to another spec.
        """
        self._bind(spec)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec) -> None:
        """Create the layers for pyramids that ``spec`` describes; raise ``ValueError`` if they are not supported."""

    @abstractmethod
    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        """Embed every pixel of every scale: ``(b c_s h_s w_s) -> (b dim h_s w_s)``, of unit length along ``dim``."""


class Clusterer(Bindable, ABC):
    """Finds two clusters of pixels, and which is corrupted: ``b dim h w -> centers b 2 dim, assignment b 1 h w``.

    It is always called in float32, whatever the precision of the rest. A clusterer that learns lets gradients flow from
    its assignment to its parameters and to the embeddings; one that only clusters detaches the embeddings.

    Attributes:
        temperature: softness of the assignment to centers, in cosine distance; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "clusterer"
    temperature: float

    def bind(self, dim: int) -> Self:
        """Create the layers for embeddings of ``dim`` channels. Returns self.

        Raises:
            ValueError: if the component is already bound to another ``dim``.
        """
        self._bind(dim)
        return self

    @abstractmethod
    def build(self, dim: int) -> None:
        """Create the layers for embeddings of ``dim`` channels."""

    @abstractmethod
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        """Cluster the candidates of each image, then assign *every* pixel of the map to the two centers.

        ``b dim h w, b 1 h w -> centers b 2 dim, assignment b 1 h w``

        Args:
            embedding: ``[B, dim, H, W]`` unit vectors, float32.
            candidates: ``[B, 1, H, W]`` bool, the pixels to cluster. An image without any gets zero centers and an
                assignment of 0.5 (unless the centers do not depend on the image).
            seed: for all random numbers. The global random state is neither used nor changed.
        """

    @abstractmethod
    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        """Return the logits of each center being that of *corrupted* pixels: ``b 2 dim -> b 2``.

        None means that the clusterer has no opinion; then the smaller cluster is taken to be the corrupted one.
        """

    @property
    def is_ordered(self) -> bool:
        """Whether the second center is the corrupted one by construction, so that the order is never changed.

        Otherwise the true mask (in training) or the logits (at inference) decide which of the two is the corrupted one.
        """
        return False

    @property
    def finds_one_class(self) -> bool:
        """Whether two logits of the same sign mean that the image has only one class.

        Then nothing is corrupted, or everything is, and the image is not forced into two clusters.
        """
        return False


class Restorer(Bindable, ABC):
    """Fills the corrupted region of an image: ``b 3 h w, Detection -> b 3 h w``.

    A restorer that needs only the image and ``detection.corruption_mask`` leaves ``uses_features`` False; it is usable
    as soon as it has been created. One that uses the encoder's features sets it to True and receives
    ``detection.pyramid`` and ``detection.masks`` for the spec that it was bound to.
    """

    kind: ClassVar[str] = "restorer"
    uses_features: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        if not self.uses_features:
            self.bind(None)

    def bind(self, spec: PyramidSpec | None) -> Self:
        """Create the layers for the features of an encoder with ``spec``, None if there is none. Returns self.

        Raises:
            ValueError: if features are needed and missing or unsuitable, or the component is already bound to another
                spec.
        """
        if self.uses_features and spec is None:
            raise ValueError(
                f"{type(self).__name__} needs the features of a detector's encoder, but there is no detector; "
                f"use a restorer that needs only image and mask, such as GatedUNet"
            )
        self._bind(spec if self.uses_features else None)
        return self

    @abstractmethod
    def build(self, spec: PyramidSpec | None) -> None:
        """Create the layers; ``spec`` is None if ``uses_features`` is False."""

    @abstractmethod
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Restore images in [0, 1], filled where the mask is True: ``b 3 h w -> b 3 h w``.

        Values outside the mask are ignored: the pipeline keeps the photo's own pixels there.
        """

    def outputs(self, image: Tensor, detection: Detection) -> tuple[Tensor, ...]:
        """Return all images that training compares with the truth: intermediate ones first, ``forward``'s last."""
        return (self(image, detection),)


class Loss(Component, ABC):
    """A value to be minimized: one number per batch. Derive from one of its two subclasses, not from this class.

    Losses are computed in float32 with autocast off. A loss is the mean over the images of the batch, all of which are
    weighted equally and treated independently, so that a batch split among processes gives the same gradients.

    Attributes:
        weight: factor of this loss in the sum; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "loss"
    weight: float

    def __attrs_post_init__(self) -> None:
        self.build()

    def build(self) -> None:  # most losses have no layers
        """Create the layers, if any. Called once, after the fields have been set and validated."""


class DetectionLoss(Loss):
    """Scores how well the detector separates corrupted from valid pixels: ``Detection, b 1 h w -> ()``.

    A loss that also teaches the kind of damage sets ``uses_damage_map`` to True. Its ``forward`` then also receives the
    keyword ``damage_map``, ``[B, 1, H, W]`` uint8: 0 where nothing is corrupted, else the number of the kind in
    :data:`~hcl_sdk.interfaces.DAMAGE`, counted from 1.
    """

    uses_damage_map: ClassVar[bool] = False

    @abstractmethod
    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        """Compute the loss of a batch, not yet multiplied by ``weight``.

        Args:
            detection: the output of ``Detector.forward`` in training, with ``embeddings`` and ``scales`` for every
                scale of the detector. Gradients flow to the embeddings; to the classifier through
                ``scales[-1].logits``; and through ``scales[s].cluster_confidence`` if the clusterer learns.
            corruption_mask: ``[B, 1, H, W]`` bool, the true mask at the size of the images. It may be all False
                (nothing is corrupted) or all True.
            seed: for all random numbers; different in every step. The global random state is neither used nor changed.
        """


class RestorationLoss(Loss):
    """Scores how well the restorer fills: ``b 3 h w, b 3 h w, b 1 h w -> ()``."""

    @abstractmethod
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        """Compute the loss of a batch, not yet multiplied by ``weight``.

        Args:
            restored: ``[B, 3, H, W]`` in [0, 1], the restorer's output for the whole image, not composited.
            target: ``[B, 3, H, W]`` in [0, 1], the undamaged images.
            corruption_mask: ``[B, 1, H, W]`` bool, the pixels to fill.
        """


class AdversarialLoss(RestorationLoss):
    """A restoration loss with a discriminator, which is trained alongside and has its own optimizer.

    ``forward`` is the restorer's side; the trainer freezes the discriminator while it is computed.

    Attributes:
        lr: learning rate of the discriminator; a subclass declares it as a field.
        discriminator: the network that ``make_discriminator`` created.
    """

    lr: float

    def build(self) -> None:
        self.discriminator = self.make_discriminator()

    @abstractmethod
    def make_discriminator(self) -> nn.Module:
        """Create the network that tells real images from restored ones; nothing else in the loss is trained."""

    @abstractmethod
    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        """Compute the discriminator's loss; arguments as in ``forward``, with ``restored`` detached and a ``seed``."""


class Shape(Configurable, ABC):
    """Draws where a photo is corrupted: ``(h, w), rng -> h w``.

    Attributes:
        damage: kind of damage of a region of this shape, whatever fills it (letters are text in any color); None if the
            content decides.
    """

    kind: ClassVar[str] = "shape"
    damage: ClassVar[Damage | None] = None

    @abstractmethod
    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw a mask ``[H, W]`` for ``size = (H, W)``, True = corrupted; all randomness comes from ``rng``.

        Any size from 1 x 1 must work. The mask may happen to be empty, for example at tiny sizes.
        """


class Content(Configurable, ABC):
    """Paints what a photo is corrupted with: ``h w 3, h w, rng -> h w 3`` (or ``h w 4`` with alpha).

    Attributes:
        damage: kind of damage of regions with this content, unless their shape decides it.
    """

    kind: ClassVar[str] = "content"
    damage: ClassVar[Damage] = "other"

    @abstractmethod
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        """Paint the content that shows through the mask: ``h w 3 -> h w 3``, or ``h w 4`` if semi-transparent.

        Args:
            image: ``[H, W, 3]`` RGB, the photo; must not be modified.
            corruption_mask: ``[H, W]``, where the content will show; most contents ignore it.
            rng: the source of all randomness.
            another: returns another photo of the dataset at each call, ``[H', W', 3]`` RGB of any size.

        Returns:
            ``[H, W, 3]`` RGB, or ``[H, W, 4]`` RGB and opacity (255 = opaque) for semi-transparent content.
        """


class Dataset(Configurable, ABC):
    """Provides photos by index, for training and evaluation: ``index -> Sample``.

    A subclass finds its files in ``__attrs_post_init__`` and raises ``ValueError``, saying what it expected and what it
    found, if a folder is missing, empty or laid out differently. Instances are pickled to worker processes.
    """

    kind: ClassVar[str] = "dataset"

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Return the sample at ``index``, counted from 0.

        Raises:
            SampleError: if its file cannot be decoded or its parts do not match.
            IndexError: if there is no such index.
        """

    @abstractmethod
    def name(self, index: int) -> str:
        """Return a unique name for the sample, such as its path inside the dataset, without decoding anything."""


_BASES: Iterable[type[Configurable]] = (
    Encoder,
    Interaction,
    Head,
    Clusterer,
    Restorer,
    Loss,
    Shape,
    Content,
    Dataset,
)
KINDS: dict[str, type[Configurable]] = {base.kind: base for base in _BASES}
