"""Damaging a photo: a shape, filled with foreign content and blended in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import attrs
import numpy as np
from attrs.validators import ge, gt, le, min_len
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hcl_sdk.corruptions.contents.color import RandomColor
from hcl_sdk.corruptions.contents.gradient import Gradient
from hcl_sdk.corruptions.contents.graffiti import Graffiti
from hcl_sdk.corruptions.contents.jpeg import JPEGBlocks
from hcl_sdk.corruptions.contents.logo import Logo
from hcl_sdk.corruptions.contents.mosaic import Mosaic
from hcl_sdk.corruptions.contents.noise import Noise
from hcl_sdk.corruptions.contents.photo import AnotherPhoto
from hcl_sdk.corruptions.contents.same_photo import SamePhoto
from hcl_sdk.corruptions.contents.text import TextContent
from hcl_sdk.corruptions.post import Postprocessing, tone_photo
from hcl_sdk.corruptions.ranges import between, pick
from hcl_sdk.corruptions.shapes.blobs import Blobs
from hcl_sdk.corruptions.shapes.brush import BrushStrokes
from hcl_sdk.corruptions.shapes.dust import Dust
from hcl_sdk.corruptions.shapes.rectangles import Rectangles
from hcl_sdk.corruptions.shapes.regular import Full
from hcl_sdk.corruptions.shapes.scratches import Scratches
from hcl_sdk.corruptions.shapes.tape import Tape
from hcl_sdk.corruptions.shapes.text import TextShape
from hcl_sdk.interfaces import DAMAGE, Configurable, Content, SampleError, Shape, component
from hcl_sdk.photos.errors import PhotoError

ATTEMPTS = 10
"""Maximum number of draws of a shape whose area must lie within bounds, and of a content that must hide the photo."""

UNREADABLE_DRAWS = 100
"""Number of draws with an unreadable file after which all files are taken to be unreadable."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Corrupted:
    """A damaged photo.

    Attributes:
        image: ``[H, W, 3]`` uint8 RGB.
        clean: ``[H, W, 3]`` uint8 RGB, the photo that was damaged: as given, or toned.
        corruption_mask: ``[H, W]`` bool, True = corrupted: the exact shape, without its soft edge; for content that is
            partly transparent, the part of the shape that it changed.
        damage_map: ``[H, W]`` uint8, the kind of each corrupted pixel: 0 is undamaged, ``n`` the ``n``-th of
            :data:`hcl_sdk.interfaces.DAMAGE`, counted from 1. Of several layers the topmost counts.
        shapes: the shape of each layer, bottom to top; empty if nothing is corrupted.
        contents: the content of each layer, likewise.
        unreadable: files of shapes and contents, and photos drawn as content, that should have been used here but could
            not be read: (name, reason). A shape and a content were drawn again for each.
    """

    image: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    corruption_mask: NDArray[np.bool_]
    damage_map: NDArray[np.uint8]
    shapes: tuple[Shape, ...]
    contents: tuple[Content, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


@component
class Rule(Configurable):
    """Shapes and contents that are combined: one of each is drawn.

    Attributes:
        shapes: where photos are damaged.
        contents: what they are damaged with.
        weight: how often, relative to the other rules.
    """

    shapes: tuple[Shape, ...] = attrs.field(validator=min_len(1))
    contents: tuple[Content, ...] = attrs.field(validator=min_len(1))
    weight: float = attrs.field(default=1.0, validator=gt(0))


def _make_rules() -> tuple[Rule, ...]:
    regions = Blobs(), BrushStrokes(count=(1, 5)), Rectangles(count=(1, 4), side=(0.1, 0.6))
    return (
        Rule(shapes=regions, contents=(AnotherPhoto(),), weight=3),
        Rule(shapes=regions, contents=(SamePhoto(), Noise(), Mosaic(), JPEGBlocks())),
        Rule(shapes=(*regions, Tape()), contents=(RandomColor(), Gradient()), weight=2),
        Rule(shapes=(*regions, Full()), contents=(Graffiti(),)),
        Rule(shapes=(Full(),), contents=(Logo(), TextContent()), weight=2),
        Rule(shapes=(TextShape(), Scratches(), Dust()), contents=(RandomColor(),), weight=2),
    )


@component
class Corruption(Configurable):
    """Rules by which photos are damaged.

    The published formula: ``corrupted = (1 - a) * image + a * content``, where ``a`` is the mask blurred with a
    Gaussian (paper, section 3.4), times the content's own opacity.

    Attributes:
        rules: shapes and contents, from which a pair is drawn for each photo.
        clean: share of photos that are left undamaged, 0 to 1.
        full: share of photos that are corrupted everywhere, 0 to 1. Contents are drawn until one hides the whole photo;
            after some attempts, the last one is used without its opacity.
        blur: range from which the radius of the Gaussian is drawn, in pixels; the published radius is always 3.
        area: range of the share of the photo's pixels that a shape may cover; several layers together may cover more. A
            shape outside this range is drawn again; after some attempts the closest one is used.
        layers: range of the number of pairs drawn for a photo; later ones lie on top.
        toned: share of photos that are first made gray, sepia or faded, like old ones, 0 to 1.
        post: changes of the whole photo afterwards, also of undamaged ones; None for none.

    Example:
        >>> corruption = Corruption(clean=0.1)
        >>> photo = np.zeros((64, 96, 3), np.uint8)
        >>> damaged = corruption(photo, np.random.default_rng(1), lambda: photo + 100)
        >>> damaged.image.shape, damaged.corruption_mask.shape
        ((64, 96, 3), (64, 96))
    """

    rules: tuple[Rule, ...] = attrs.field(factory=_make_rules, validator=min_len(1))
    clean: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    full: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    blur: tuple[float, float] = attrs.field(default=(0.0, 3.0), validator=between(0, 100))
    area: tuple[float, float] = attrs.field(default=(0.0, 1.0), validator=between(0, 1))
    layers: tuple[int, int] = attrs.field(default=(1, 1), validator=between(1))
    toned: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    post: Postprocessing | None = None

    @full.validator  # pyright: ignore[reportAttributeAccessIssue]
    def _check_sum(self, attribute: attrs.Attribute[float], value: float) -> None:
        if self.clean + value > 1:
            raise ValueError(
                f"'clean' and 'full' must be at most 1 together, as shares of photos: {self.clean} + {value}"
            )

    def __call__(
        self,
        image: NDArray[np.uint8],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
        *,
        softness: float = 1.0,
    ) -> Corrupted:
        """Make a damaged copy of a photo.

        Args:
            image: ``[H, W, 3]`` uint8 RGB.
            rng: the source of all randomness.
            another: returns another photo at each call, for contents that need one.
            softness: factor of the blur, 0 to 1.

        Raises:
            SampleError: if file after file cannot be read.
            ValueError: if a shape or content returns something invalid.
        """
        if self.toned and rng.random() < self.toned:
            image = tone_photo(image, rng)
        damaged = self._damage(image, rng, another, softness)
        return damaged if self.post is None else replace(damaged, image=self.post(damaged.image, rng))

    def _damage(
        self,
        image: NDArray[np.uint8],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
        softness: float,
    ) -> Corrupted:
        share = rng.random()
        if share < self.clean:
            empty = np.zeros(image.shape[:2], dtype=np.bool_)
            return Corrupted(
                image=image.copy(),
                clean=image,
                corruption_mask=empty,
                damage_map=empty.astype(np.uint8),
                shapes=(),
                contents=(),
            )
        if share < self.clean + self.full:
            return self._add_layer(image, rng, another, softness, everywhere=True)
        low, high = self.layers
        damaged = self._add_layer(image, rng, another, softness)
        for _ in range(int(rng.integers(low, high + 1)) - 1 if high > 1 else 0):
            above = self._add_layer(damaged.image, rng, another, softness)
            damaged = Corrupted(
                image=above.image,
                clean=image,
                corruption_mask=damaged.corruption_mask | above.corruption_mask,
                damage_map=np.where(above.corruption_mask, above.damage_map, damaged.damage_map),
                shapes=damaged.shapes + above.shapes,
                contents=damaged.contents + above.contents,
                unreadable=damaged.unreadable + above.unreadable,
            )
        return damaged

    def _add_layer(
        self,
        image: NDArray[np.uint8],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
        softness: float,
        *,
        everywhere: bool = False,
    ) -> Corrupted:
        """Add one shape, filled and blended in."""
        unreadable: list[tuple[str, str]] = []
        transparent = 0
        while len(unreadable) < UNREADABLE_DRAWS:
            rule = self._choose_rule(rng)
            shape = Full() if everywhere else pick(rng, rule.shapes)
            content = pick(rng, rule.contents)
            try:
                mask = self._draw_mask(shape, (image.shape[0], image.shape[1]), rng)
                radius = float(rng.uniform(*self.blur)) * softness
                pixels = paint_content(content, image, mask, rng, another)
            except PhotoError as error:
                unreadable.append((_name_culprit(error, shape, content), str(error)))
                continue
            if everywhere and pixels.shape[2] == 4:
                transparent += 1
                if (pixels[..., 3] < 255).any() and transparent < ATTEMPTS:
                    continue
                pixels = pixels[..., :3]
            damaged = put_on(image, shape, content, pixels, mask, radius)
            return replace(damaged, unreadable=tuple(unreadable))
        raise SampleError(
            f"{len(unreadable)} draws in a row needed a file that cannot be read; the first: {unreadable[0][1]}"
        )

    def _choose_rule(self, rng: np.random.Generator) -> Rule:
        weights = np.array([rule.weight for rule in self.rules])
        return self.rules[rng.choice(len(weights), p=weights / weights.sum())]

    def _draw_mask(self, shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        if isinstance(shape, Full):  # its content determines how much of the photo is changed
            return draw_mask(shape, size, rng)
        low, high = self.area
        best, best_distance = None, np.inf
        for _ in range(ATTEMPTS):
            mask = draw_mask(shape, size, rng)
            area = mask.mean()
            distance = max(low - area, area - high, 0.0)
            if best is None or distance < best_distance:
                best, best_distance = mask, distance
            if distance == 0:
                break
        assert best is not None
        return best


def _name_culprit(error: PhotoError, shape: Shape, content: Content) -> str:
    """Name the file that cannot be read; if the error does not say, the two parts, one of which raised it."""
    return error.name or f"{shape!r} with {content!r}"


def draw_mask(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw the mask of a shape.

    Args:
        shape: the shape of the corruption.
        size: ``(H, W)`` in pixels.
        rng: the source of all randomness.

    Returns:
        ``[H, W]`` bool, True = corrupted.

    Raises:
        PhotoError: if a file of the shape cannot be read.
        ValueError: if the shape returns anything but bool ``[H, W]``.
    """
    mask = shape.draw(size, rng)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != size:
        raise ValueError(f"{shape!r} must draw bool {list(size)}, True = corrupted; got {_describe(mask)}")
    return mask


def paint_content(
    content: Content,
    image: NDArray[np.uint8],
    corruption_mask: NDArray[np.bool_],
    rng: np.random.Generator,
    another: Callable[[], NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """Paint the content for a photo; it is given the photo and the mask read-only.

    Arguments and result are those of :meth:`hcl_sdk.Content.paint`.

    Raises:
        PhotoError: if a file of the content, or another photo, cannot be read.
        ValueError: if the content returns anything but uint8 ``[H, W, 3]`` or ``[H, W, 4]``.
    """
    photo, mask = image.view(), corruption_mask.view()
    photo.flags.writeable = mask.flags.writeable = False
    pixels = content.paint(photo, mask, rng, another)
    height, width = image.shape[:2]
    fitting = [(height, width, channels) for channels in (3, 4)]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape not in fitting:
        raise ValueError(
            f"{content!r} must paint uint8 [{height}, {width}, 3], or 4 with opacity; got {_describe(pixels)}"
        )
    return pixels


def _describe(value: object) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__


def put_on(
    image: NDArray[np.uint8],
    shape: Shape,
    content: Content,
    pixels: NDArray[np.uint8],
    corruption_mask: NDArray[np.bool_],
    radius: float,
) -> Corrupted:
    """Damage a photo with a drawn shape and a painted content; arguments are those of :func:`blend`.

    Raises:
        ValueError: if the kind of damage that they declare does not exist.
    """
    part, kind = (content, content.damage) if shape.damage is None else (shape, shape.damage)
    if kind not in DAMAGE:
        raise ValueError(f"'damage' of {part!r} must be one of {', '.join(DAMAGE)}; got {kind!r}")
    damaged, changed = blend(image, pixels, corruption_mask, radius)
    return Corrupted(
        image=damaged,
        clean=image,
        corruption_mask=changed,
        damage_map=changed * np.uint8(DAMAGE.index(kind) + 1),
        shapes=(shape,),
        contents=(content,),
    )


def blend(
    image: NDArray[np.uint8], painted: NDArray[np.uint8], corruption_mask: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Blend foreign content into a photo, with a soft edge.

    Args:
        image: ``[H, W, 3]`` uint8.
        painted: ``[H, W, 3]``, or ``[H, W, 4]`` with opacity, uint8.
        corruption_mask: ``[H, W]`` bool, True = corrupted.
        radius: radius of the Gaussian that softens the mask, in pixels.

    Returns:
        The blend, and the pixels that count as corrupted: the mask; for content with opacity, the pixels in it that
        changed.
    """
    alpha = Image.fromarray(corruption_mask.astype(np.uint8) * 255)
    if radius > 0:
        alpha = alpha.filter(ImageFilter.GaussianBlur(radius))
    if painted.shape[2] == 3:
        return np.array(Image.composite(Image.fromarray(painted), Image.fromarray(image), alpha)), corruption_mask
    opacity = painted[..., 3].astype(np.uint16) * np.asarray(alpha, dtype=np.uint16)
    alpha = Image.fromarray(((opacity + 127) // 255).astype(np.uint8))
    content = Image.fromarray(np.ascontiguousarray(painted[..., :3]))
    damaged = np.array(Image.composite(content, Image.fromarray(image), alpha))
    changed = (damaged != image).any(axis=2) & corruption_mask
    return damaged, changed
