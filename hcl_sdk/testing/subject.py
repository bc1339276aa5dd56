"""A component under test: how it is made, fed and called, kind by kind."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.clusterers.prototypes import Prototypes
from hcl_sdk.clusterers.soft_kmeans import SoftKMeans
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.resnet import ResNetEncoder
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interactions.identity import Identity
from hcl_sdk.interfaces import (
    AdversarialLoss,
    Clusterer,
    Configurable,
    Content,
    Dataset,
    DetectionLoss,
    Encoder,
    Head,
    Interaction,
    Loss,
    PyramidSpec,
    RestorationLoss,
    Restorer,
    Shape,
)
from hcl_sdk.testing.examples import example
from hcl_sdk.testing.inputs import SPEC, features, given_detection, images, masks
from hcl_sdk.testing.kit import Factory, Fault
from hcl_sdk.testing.state import undisturbed

C = TypeVar("C", bound=Configurable)

DIM = 8
"""Channels of the embeddings that clusterers are bound to unless they come bound."""


class Subject(Generic[C]):
    """A component of any kind.

    Args:
        factory: a component class, of which the example is taken, or a function that makes a component.
        folder: for files that an example needs.
        first: what the factory made, to be looked at.
    """

    base: ClassVar[type[Configurable]]
    undisturbed = staticmethod(undisturbed)

    def __init__(self, factory: Factory, folder: Path, first: C) -> None:
        self._make: Callable[[], Any] = (lambda: example(factory, folder)) if isinstance(factory, type) else factory
        self._last = weakref.ref(first)
        self.folder = folder
        self.cls = type(first)
        self.label = shortened(repr(first).replace(str(folder), "..."))

    @property
    def package(self) -> str:
        """The package that the component is defined in."""
        return self.cls.__module__.partition(".")[0]

    def make(self, seed: int = 0) -> C:
        """A new component, ready to be called: bound, in evaluation mode, its weights drawn for a seed."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            component = self.prepared(self.made())
        return component.eval() if isinstance(component, nn.Module) else component

    def made(self) -> C:
        """A new component, as the factory makes it."""
        component = self._make()
        if type(component) is not self.cls:
            raise TypeError(f"the factory made a {self.cls.__name__} first, and then a {type(component).__name__}")
        if component is self._last():
            raise TypeError("the factory returned one component twice; it has to make a new one at each call")
        self._last = weakref.ref(component)
        return component

    def prepared(self, component: C) -> C:
        """The component with the layers that depend on its neighbor."""
        return component


class ModuleSubject(Subject[C]):
    """A component that computes tensors from tensors."""

    def inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        """Arguments of ``forward`` for images of a size."""
        raise NotImplementedError

    def call(self, component: C, inputs: tuple[Any, ...]) -> Any:
        """What the component makes of them; a tensor, or tuples and dataclasses of tensors."""
        return component(*inputs)  # pyright: ignore[reportCallIssue]

    def learned_from(self, component: C, inputs: tuple[Any, ...]) -> Any:
        """What training takes gradients of."""
        return self.call(component, inputs)


class EncoderSubject(ModuleSubject[Encoder]):
    base = Encoder

    def inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        return (images(height, width, batch, seed),)


def _bound(component: Any, neighbor: Any) -> Any:
    """Bound to ``neighbor``, unless it came bound."""
    if component.is_bound:
        return component
    try:
        bound = component.bind(neighbor)
    except ValueError as error:
        raise ValueError(
            f"it cannot be bound to {neighbor} ({error}); let the factory return it bound to what suits it"
        ) from error
    if bound is not component:
        raise Fault(f"bind() must return the component itself, got {bound!r}")
    return component


class _OnPyramids(ModuleSubject[C]):
    def prepared(self, component: C) -> C:
        self.spec: PyramidSpec = _bound(component, SPEC)._bound_to
        return component

    def inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        if not hasattr(self, "spec"):
            self.make()
        return (features(images(height, width, batch, seed), self.spec),)


class InteractionSubject(_OnPyramids[Interaction]):
    base = Interaction


class HeadSubject(_OnPyramids[Head]):
    base = Head


class ClustererSubject(ModuleSubject[Clusterer]):
    base = Clusterer

    def prepared(self, component: Clusterer) -> Clusterer:
        self.dim: int = _bound(component, DIM)._bound_to
        return component

    def inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        if not hasattr(self, "dim"):
            self.make()
        spec = PyramidSpec(channels=(self.dim,), strides=(1,))
        embedding = F.normalize(features(images(height, width, batch, seed), spec).maps[0], dim=1)
        candidates = ~masks(height, width, batch, seed + 1)
        candidates[0] = True
        return embedding, candidates

    def call(self, component: Clusterer, inputs: tuple[Any, ...]) -> Any:
        clusters = component(*inputs, seed=5)
        logits = component.corruption_logits(clusters.centers)
        return (clusters,) if logits is None else (clusters, logits)


class RestorerSubject(ModuleSubject[Restorer]):
    base = Restorer

    def prepared(self, component: Restorer) -> Restorer:
        self.spec: PyramidSpec | None = _bound(component, SPEC)._bound_to
        return component

    def inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        if not hasattr(self, "spec"):
            self.make()
        image = images(height, width, batch, seed)
        return image, given_detection(image, masks(height, width, batch, seed), self.spec)

    def learned_from(self, component: Restorer, inputs: tuple[Any, ...]) -> Any:
        return component.outputs(*inputs)


class LossSubject(ModuleSubject[Loss]):
    base = Loss

    def call(self, component: Loss, inputs: tuple[Any, ...]) -> Any:
        return _seeded(component, inputs, 5)


def _seeded(component: Loss, inputs: tuple[Any, ...], seed: int) -> Tensor:
    return component(*inputs, seed=seed) if isinstance(component, DetectionLoss) else component(*inputs)


def truth(height: int, width: int, batch: int, seed: int) -> Tensor:
    """True masks: of several images, the last is whole, the one before it wholly corrupted."""
    mask = masks(height, width, batch, seed)
    if batch > 2:
        mask[-1], mask[-2] = False, True
    return mask


class DetectionLossSubject(LossSubject):
    base = DetectionLoss

    def inputs(self, height: int, width: int, batch: int = 3, seed: int = 0) -> tuple[Any, ...]:
        mask = truth(height, width, batch, seed)
        return self.detector()(images(height, width, batch, seed), corruption_mask=mask, seed=seed), mask

    def detector(self) -> Detector:
        """A small detector as in training, of a kind that the loss can teach."""
        with torch.random.fork_rng():
            torch.manual_seed(7)
            first, second = (_small_detector(clusterer) for clusterer in (SoftKMeans(), Prototypes()))
        image, mask = images(17, 33, 3), truth(17, 33, 3, 0)
        try:
            self.make()(first(image, corruption_mask=mask), mask, seed=0)
        except ValueError:
            return second
        return first


def _small_detector(clusterer: Clusterer) -> Detector:
    encoder = ResNetEncoder(channels=(6, 8, 10), depths=(0, 0, 0))
    return Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=DIM), clusterer=clusterer).eval()


class RestorationLossSubject(LossSubject):
    base = RestorationLoss

    def inputs(self, height: int, width: int, batch: int = 3, seed: int = 0) -> tuple[Any, ...]:
        restored, target = images(height, width, batch, seed + 1), images(height, width, batch, seed)
        return restored, target, truth(height, width, batch, seed)


class AdversarialLossSubject(RestorationLossSubject):
    base = AdversarialLoss

    def call(self, component: Any, inputs: tuple[Any, ...]) -> Any:
        return component(*inputs), component.discriminator_loss(*inputs, seed=5)


class ShapeSubject(Subject[Shape]):
    base = Shape


class ContentSubject(Subject[Content]):
    base = Content


class DatasetSubject(Subject[Dataset]):
    base = Dataset


SUBJECTS: tuple[type[Subject[Any]], ...] = (
    EncoderSubject,
    InteractionSubject,
    HeadSubject,
    ClustererSubject,
    RestorerSubject,
    DetectionLossSubject,
    AdversarialLossSubject,  # before the one that it derives from
    RestorationLossSubject,
    ShapeSubject,
    ContentSubject,
    DatasetSubject,
)


def make_subject(factory: Factory, folder: Path) -> Subject[Any]:
    """What tests the component that a factory makes.

    Raises:
        TypeError: if it is no component of a kind.
    """
    with torch.random.fork_rng():
        component = example(factory, folder) if isinstance(factory, type) else factory()
    for subject in SUBJECTS:
        if isinstance(component, subject.base):
            return subject(factory, folder, component)
    raise TypeError(
        f"expected what makes a component of a kind ({', '.join(s.base.__name__ for s in SUBJECTS)}); "
        f"got what makes a {type(component).__name__}"
    )


def shortened(text: str, length: int = 100) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= length else text[: length - 3] + "..."


def check_factory(factory: Any) -> None:
    """Refuse what cannot make a component.

    Raises:
        TypeError: saying what was expected.
    """
    if isinstance(factory, Configurable):
        name = type(factory).__name__
        raise TypeError(
            f"expected what makes a component: a class, or a function without arguments; got a component. "
            f"Write lambda: {name}(...), so that each check has one of its own"
        )
    if isinstance(factory, type) and not issubclass(factory, Configurable):
        raise TypeError(f"expected a component class, or a function without arguments that makes one; got {factory!r}")
    if not callable(factory):
        raise TypeError(f"expected a component class, or a function without arguments that makes one; got {factory!r}")
    if not isinstance(factory, type):
        try:
            inspect.signature(factory).bind()
        except TypeError as error:
            raise TypeError(
                f"expected a function that can be called without arguments, got {factory!r}: {error}"
            ) from None
        except ValueError:
            return
