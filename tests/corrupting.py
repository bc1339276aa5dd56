"""What the tests of corruptions share: small photos, and the built-in shapes and contents by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import hcl_sdk
from hcl_sdk.config import build
from hcl_sdk.interfaces import DAMAGE, Damage
from hcl_sdk.plugins import registry

UNUSED: Any = None
"""Of a component that does without it."""


def no_other() -> Any:
    """No other photo, for contents that want none."""


def raise_if_asked() -> Any:
    raise AssertionError("another photo was asked for")


def make_part(kind: str, name: str, folders: Any) -> Any:
    return build({"use": name, "folder": str(folders[name])} if name == "irregular" else name, kind)


def draw_smooth(size: tuple[int, int], seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(256, size=(4, 4, 3), dtype=np.uint8))
    return np.array(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


SHAPE_NAMES = [entry.name for entry in registry.list_entries("shape") if entry.distribution is None]
CONTENT_NAMES = [entry.name for entry in registry.list_entries("content") if entry.distribution is None]


def make_returning(base: Any, value: Any) -> Any:
    name = "draw" if base is hcl_sdk.Shape else "paint"
    made: Any = type("Made", (base,), {name: lambda self, *_: value})
    return hcl_sdk.component(made)()


def get_number(damage: Damage) -> int:
    return DAMAGE.index(damage) + 1
