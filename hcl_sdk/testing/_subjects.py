"""Components under test: how each kind is created, given inputs, and called."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from unittest import SkipTest

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.clusterers.prototypes import Prototypes
from hcl_sdk.clusterers.soft_kmeans import SoftKMeans
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.resnet import ResNetEncoder
from hcl_sdk.heads.damage import DamageHead
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.heads.verdict import Verdict
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
from hcl_sdk.plugins import registry
from hcl_sdk.testing._factories import make_example
from hcl_sdk.testing._inputs import (
    SPECS,
    copy_tensors,
    draw_images,
    draw_masks,
    draw_photo,
    draw_true_masks,
    make_damage_map,
    make_detection,
    make_pyramid,
)
from hcl_sdk.testing._report import Factory, Fault
from hcl_sdk.testing._state import preserve_state

C = TypeVar("C", bound=Configurable)

DIM = 8
"""Channels of the embeddings that clusterers are bound to unless they are already bound."""


class Subject(Generic[C]):
    """A component of any kind.

    Args:
        factory: a component class, whose example is used, or a function that creates a component.
        folder: for files that an example needs.
        first: a component from the factory, for inspection.
    """

    base: ClassVar[type[Configurable]]
    random_source: ClassVar[str] = "use a generator of its own"
    preserve_state = staticmethod(preserve_state)

    def __init__(self, factory: Factory, folder: Path, first: C) -> None:
        self._factory: Callable[[], Any] = (
            (lambda: make_example(factory, folder)) if isinstance(factory, type) else factory
        )
        self._last = weakref.ref(first)
        self.folder = folder
        self.cls = type(first)
        self.kind = self.base.kind
        self.name = self.cls.__name__
        label = repr(first).replace(str(folder), "...")
        self.label = label if len(label) <= 100 else f"{label[:97]}..."
        self.expected_failures: Mapping[str, str] = getattr(self.cls, "expected_failures", {})

    @property
    def package(self) -> str:
        """The package that the component is defined in."""
        return self.cls.__module__.partition(".")[0]

    def make(self, seed: int = 0) -> C:
        """Create a component, ready to be called: bound, in evaluation mode, with seeded random weights."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            component = self.prepare(self.make_unbound())
        return component.eval() if isinstance(component, nn.Module) else component

    def make_unbound(self) -> C:
        """Create a component as the factory does."""
        component = self._factory()
        if type(component) is not self.cls:
            raise TypeError(f"the factory made a {self.cls.__name__} first, and then a {type(component).__name__}")
        if component is self._last():
            raise TypeError("the factory returned one component twice; it has to make a new one at each call")
        self._last = weakref.ref(component)
        return component

    def prepare(self, component: C) -> C:
        """Prepare a component by creating the layers that depend on its neighbor."""
        return component

    def use(self, component: C, seed: int = 0) -> Any:
        """Return the component's output for an ordinary input; tensors or arrays, or tuples and dataclasses of them."""
        raise NotImplementedError


class ModuleSubject(Subject[C]):
    """A component that computes tensors from tensors."""

    def make_inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        """Make arguments of ``forward`` for images of a size."""
        raise NotImplementedError

    def call(self, component: C, inputs: tuple[Any, ...]) -> Any:
        """Return the component's output; a tensor, or tuples and dataclasses of tensors."""
        return component(*inputs)  # pyright: ignore[reportCallIssue]

    def compute_trained(self, component: C, inputs: tuple[Any, ...]) -> Any:
        """Compute the output whose gradients are used in training."""
        return self.call(component, inputs)

    def run(self, component: C, inputs: tuple[Any, ...]) -> Any:
        """Return the output for copies of the inputs, without gradients."""
        with torch.no_grad():
            return self.call(component, copy_tensors(inputs))

    def use(self, component: C, seed: int = 0) -> Any:
        return self.run(component, self.make_inputs(17, 33, seed=seed))


class EncoderSubject(ModuleSubject[Encoder]):
    base = Encoder

    def make_inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        return (draw_images(height, width, batch, seed),)


def _bind(component: Any, *neighbors: Any) -> Any:
    """Bind to the first of the neighbors that it can be bound to, unless it is already bound."""
    if component.is_bound:
        return component
    why = ""
    for neighbor in neighbors:
        try:
            bound = component.bind(neighbor)
        except ValueError as error:
            why = f"{neighbor} ({error})"
            continue
        if bound is not component:
            raise Fault(f"bind() must return the component itself, got {bound!r}")
        return component
    raise ValueError(f"it cannot be bound to {why}; let the factory return it bound to something suitable")


class BoundSubject(ModuleSubject[C]):
    """A component that is bound to a neighbor: as it comes, or to the first of ``neighbors`` that it accepts."""

    neighbors: ClassVar[tuple[Any, ...]] = SPECS

    def prepare(self, component: C) -> C:
        self.neighbor: Any = _bind(component, *self.neighbors)._bound_to
        return component

    def make_inputs(self, height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[Any, ...]:
        if not hasattr(self, "neighbor"):
            self.make()
        return self.make_arguments(draw_images(height, width, batch, seed), seed)

    def make_arguments(self, image: Tensor, seed: int) -> tuple[Any, ...]:
        """Make arguments of ``forward``, as a neighbor makes them of images."""
        return (make_pyramid(image, self.neighbor),)


class InteractionSubject(BoundSubject[Interaction]):
    base = Interaction


class HeadSubject(BoundSubject[Head]):
    base = Head


class ClustererSubject(BoundSubject[Clusterer]):
    base = Clusterer
    neighbors = (DIM,)

    def make_arguments(self, image: Tensor, seed: int) -> tuple[Any, ...]:
        spec = PyramidSpec(channels=(self.neighbor,), strides=(1,))
        candidates = ~draw_masks(image.shape[2], image.shape[3], len(image), seed + 1)
        candidates[0] = True
        return F.normalize(make_pyramid(image, spec).maps[0], dim=1), candidates

    def call(self, component: Clusterer, inputs: tuple[Any, ...]) -> Any:
        clusters = component(*inputs, seed=5)
        logits = component.corruption_logits(clusters.centers)
        return (clusters,) if logits is None else (clusters, logits)


class RestorerSubject(BoundSubject[Restorer]):
    base = Restorer

    def make_arguments(self, image: Tensor, seed: int) -> tuple[Any, ...]:
        mask = draw_masks(image.shape[2], image.shape[3], len(image), seed)
        return image, make_detection(image, mask, self.neighbor)

    def compute_trained(self, component: Restorer, inputs: tuple[Any, ...]) -> Any:
        return component.outputs(*inputs)


class LossSubject(ModuleSubject[Loss]):
    base = Loss

    def call(self, component: Loss, inputs: tuple[Any, ...]) -> Any:
        return component(*inputs)


class DetectionLossSubject(LossSubject):
    base = DetectionLoss

    def make_inputs(self, height: int, width: int, batch: int = 3, seed: int = 0) -> tuple[Any, ...]:
        mask = draw_true_masks(height, width, batch, seed)
        return self.make_detector()(draw_images(height, width, batch, seed), corruption_mask=mask, seed=seed), mask

    def call(self, component: Any, inputs: tuple[Any, ...]) -> Any:
        detection, mask = inputs
        if component.uses_damage_map:
            return component(detection, mask, seed=5, damage_map=make_damage_map(mask))
        return component(detection, mask, seed=5)

    def make_detector(self) -> Detector:
        """Make a small detector in training mode, of a kind that the loss can train."""
        with torch.random.fork_rng():
            torch.manual_seed(7)
            first, second = (_make_small_detector(clusterer) for clusterer in (SoftKMeans(), Prototypes()))
        image, mask = draw_images(17, 33, 3), draw_true_masks(17, 33, 3, 0)
        try:
            self.call(self.make(), (first(image, corruption_mask=mask), mask))
        except ValueError:
            return second
        return first


def _make_small_detector(clusterer: Clusterer) -> Detector:
    encoder = ResNetEncoder(channels=(6, 8, 10), depths=(0, 0, 0))
    return Detector(
        encoder=encoder,
        interaction=Identity(),
        head=ProjectionHead(dim=DIM),
        clusterer=clusterer,
        damage_head=DamageHead(dim=DIM),
        verdict=Verdict(dim=DIM),
    ).eval()


class RestorationLossSubject(LossSubject):
    base = RestorationLoss

    def make_inputs(self, height: int, width: int, batch: int = 3, seed: int = 0) -> tuple[Any, ...]:
        restored, target = draw_images(height, width, batch, seed + 1), draw_images(height, width, batch, seed)
        return restored, target, draw_true_masks(height, width, batch, seed)


class AdversarialLossSubject(RestorationLossSubject):
    base = AdversarialLoss

    def call(self, component: Any, inputs: tuple[Any, ...]) -> Any:
        return component(*inputs), component.discriminator_loss(*inputs, seed=5)


class GeneratorSubject(Subject[C]):
    """A component that draws from a generator that is passed in."""

    random_source = "draw from rng alone"


class ShapeSubject(GeneratorSubject[Shape]):
    base = Shape

    def use(self, component: Shape, seed: int = 0) -> Any:
        return np.copy(component.draw((48, 64), np.random.default_rng(seed)))


class ContentSubject(GeneratorSubject[Content]):
    base = Content

    def use(self, component: Content, seed: int = 0) -> Any:
        return np.copy(self.paint(component, (48, 64), seed))

    def paint(self, component: Content, size: tuple[int, int], seed: int) -> Any:
        """Paint the content on a photo of a size."""
        generator = np.random.default_rng(seed)
        return component.paint(draw_photo(size, seed), draw_damage(size), generator, lambda: draw_photo((21, 18), 5))


def draw_damage(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw a mask for a content, ``[H, W]``."""
    mask = np.zeros(size, np.bool_)
    mask[size[0] // 4 :, : size[1] // 2 + 1] = True
    return mask


class DatasetSubject(Subject[Dataset]):
    base = Dataset

    def use(self, component: Dataset, seed: int = 0) -> Any:
        sample = component[seed % len(component)]
        return {"image": sample.image, "clean": sample.clean, "mask": sample.corruption_mask}


class WeightsSubject:
    """Weights under test.

    Args:
        name: the name of registered weights, or a folder.
    """

    kind = "weights"
    package = ""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    preserve_state = staticmethod(preserve_state)

    def __init__(self, name: str | Path) -> None:
        self._where = name
        self.name = self.label = f"weights {name}"

    @property
    def folder(self) -> Path:
        """The folder of the weights."""
        if isinstance(self._where, Path):
            return self._where
        source = registry.find_weights_source(self._where)
        if isinstance(source, str):
            raise SkipTest(f"they are on the Hub ({source}), which is not accessed")
        return source


_SUBJECTS: tuple[type[Subject[Any]], ...] = (
    EncoderSubject,
    InteractionSubject,
    HeadSubject,
    ClustererSubject,
    RestorerSubject,
    DetectionLossSubject,
    AdversarialLossSubject,  # subclasses before the classes that they derive from
    RestorationLossSubject,
    ShapeSubject,
    ContentSubject,
    DatasetSubject,
)


def make_subject(factory: Factory, folder: Path) -> Subject[Any]:
    """Make the subject for the component that a factory creates.

    Raises:
        TypeError: if it is not a component of any kind.
    """
    with torch.random.fork_rng():
        component = make_example(factory, folder) if isinstance(factory, type) else factory()
    for subject in _SUBJECTS:
        if isinstance(component, subject.base):
            return subject(factory, folder, component)
    raise TypeError(
        f"expected a factory of one of {', '.join(s.base.__name__ for s in _SUBJECTS)}; "
        f"its result is of the type {type(component).__name__}"
    )
