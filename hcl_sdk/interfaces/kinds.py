"""The kinds of components: one abstract class each, which states the contract that its implementations keep.

Common to all with weights: images are float ``[B, 3, H, W]``, RGB, in [0, 1]; a component that wants another range
converts inside. Any ``H`` and ``W`` from 1 upwards work. In evaluation mode an image's result does not depend on what
else is in the batch. The input is not modified. Everything runs on the device of the module and, under autocast, in its
precision.
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

    It is always called in float32, whatever the precision of the rest. A clusterer that learns lets gradients flow from
    its assignment to its parameters and to the embeddings; one that only clusters detaches the embeddings.

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
    def is_ordered(self) -> bool:
        """Whether the second center is the corrupted one by construction, so that the order is never changed.

        Otherwise the true mask says in training, and the logits at inference, which of the two is the corrupted one.
        """
        return False

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

    def outputs(self, image: Tensor, detection: Detection) -> tuple[Tensor, ...]:
        """All images that training compares with the truth: intermediate ones first, what ``forward`` returns last."""
        return (self(image, detection),)


class Loss(Component, ABC):
    """What training makes small: one number per batch. A loss is either of the two classes derived from this one.

    Losses are computed in float32 with autocast off. A loss is a mean over the images of the batch, each of which
    counts the same and is treated on its own, so that a batch split among processes gives the same gradients.

    Attributes:
        weight: factor of this loss in the sum; a subclass declares it as a field.
    """

    kind: ClassVar[str] = "loss"
    weight: float

    def __attrs_post_init__(self) -> None:
        self.build()

    def build(self) -> None:  # most losses have no layers
        """Make the layers, where there are some. Called once, when the fields are set and validated."""


class DetectionLoss(Loss):
    """Detection, true mask -> scalar: how well the detector separates corrupted from valid pixels.

    A loss that also teaches what the damage is sets ``uses_damage_map`` True; its ``forward`` is then given a keyword
    ``damage_map`` as well: ``[B, 1, H, W]`` uint8, 0 where nothing is corrupted, else the number of the kind in
    :data:`~hcl_sdk.interfaces.DAMAGE`, counted from 1.
    """

    uses_damage_map: ClassVar[bool] = False

    @abstractmethod
    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        """The loss of a batch, not yet multiplied by ``weight``.

        Args:
            detection: what ``Detector.forward`` returned in training: ``embeddings`` and ``scales`` are there, of as
                many scales as the detector has. Gradients flow to the embeddings; to the classifier through
                ``scales[-1].logits``; and through ``scales[s].cluster_confidence`` if the clusterer learns.
            corruption_mask: ``[B, 1, H, W]`` bool, the truth at the size of the images. All False (nothing is
                corrupted) and all True occur.
            seed: of whatever is drawn; another in every step. The global random state is neither used nor changed.
        """


class RestorationLoss(Loss):
    """Restored image, true image, mask -> scalar: how well the restorer fills."""

    @abstractmethod
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        """The loss of a batch, not yet multiplied by ``weight``.

        Args:
            restored: ``[B, 3, H, W]`` in [0, 1], an output of the restorer for the whole image, not composited.
            target: the undamaged images.
            corruption_mask: ``[B, 1, H, W]`` bool, what was to be filled.
        """


class AdversarialLoss(RestorationLoss):
    """A restoration loss with a discriminator, which learns at the same time and has an optimizer of its own.

    ``forward`` is the restorer's side: the trainer freezes the discriminator meanwhile.

    Attributes:
        lr: learning rate of the discriminator; a subclass declares it as a field.
        discriminator: what ``make_discriminator`` made.
    """

    lr: float

    def build(self) -> None:
        self.discriminator = self.make_discriminator()

    @abstractmethod
    def make_discriminator(self) -> nn.Module:
        """The network that tells true images from restored ones; it is all of the loss that is trained."""

    @abstractmethod
    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        """The discriminator's side; arguments as in ``forward``, ``restored`` detached, ``seed`` of what is drawn."""


class Shape(Configurable, ABC):
    """Seed, size -> mask: where a photo is corrupted.

    Attributes:
        damage: what a region of this form is, whatever fills it, as letters are text in any color; None where the
            content decides.
    """

    kind: ClassVar[str] = "shape"
    damage: ClassVar[Damage | None] = None

    @abstractmethod
    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        """A mask ``[H, W]`` for ``size = (H, W)``, True = corrupted; all randomness comes from ``rng``.

        Any size from 1 x 1 works. An empty mask may come out where chance, or a tiny size, wills it.
        """


class Content(Configurable, ABC):
    """Seed, image -> foreign content: with what a photo is corrupted.

    Attributes:
        damage: what regions of this content are, where their shape does not decide it.
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
        """What shows through the mask.

        Args:
            image: ``[H, W, 3]`` RGB, the photo; not to be modified.
            corruption_mask: ``[H, W]``, where the content is going to show; most contents need not look at it.
            rng: all randomness comes from it.
            another: gives another photo of the data set at each call, ``[H', W', 3]`` RGB of whatever size.

        Returns:
            ``[H, W, 3]`` RGB, or ``[H, W, 4]`` RGB and opacity (255 = opaque) for content that is partly transparent.
        """


class Dataset(Configurable, ABC):
    """Index -> photo, for training and evaluation.

    A subclass looks for its files in ``__attrs_post_init__`` and raises ``ValueError``, with what it expected and what
    is there, for a folder that is missing, empty or laid out differently. Instances are pickled to worker processes.
    """

    kind: ClassVar[str] = "dataset"

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """The sample at ``index`` from 0 on.

        Raises:
            SampleError: if its file cannot be decoded or its parts do not fit each other.
            IndexError: beyond the last one.
        """

    @abstractmethod
    def name(self, index: int) -> str:
        """A name that tells the sample from all others, such as its path inside the data set; nothing is decoded."""


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
