"""Fills refined at a photo's own resolution: veils removed, seams closed, texture added."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hcl_sdk.functional.arrays import (
    BAND,
    FILLED_AROUND,
    REFINED_APART,
    REFINED_AROUND,
    REFINED_AT_ONCE,
    SEEN_AT_ONCE,
    Window,
    bound_mask,
    cut_box,
    grow_mask,
    intersect,
    leave_unknown,
    shift,
    split_mask,
    surround,
)
from hcl_sdk.functional.compositing import close_seam, feather_mask
from hcl_sdk.functional.texture import BLEND_REACH, blend_texture, synthesize
from hcl_sdk.functional.veils import remove_veils
from hcl_sdk.result import Fill, Result
from hcl_sdk.runtime import release_memory
from hcl_sdk.settings import Settings


def is_refined(settings: Settings) -> bool:
    """Whether the settings ask for any refinement."""
    return settings.unveil or settings.seamless or settings.texture > 0


def refine_fill(
    fill: Fill, own: Window, result: Result, mask: Tensor, settings: Settings, device: torch.device
) -> list[Fill]:
    """Refine the part ``own`` of a fill, in parts that are small enough, each continuing those before it.

    Args:
        fill: covers ``own`` and its surroundings.
        own: rows and columns of a group of regions.
        result: with the photo, the mask as it was found and its border.
        mask: ``[1, 1, H, W]``, what is filled: the mask with its border.
        settings: which refinements.
        device: where texture is synthesized.
    """
    parts: list[Fill] = []
    holes = mask[0, 0].numpy()
    for group in split_mask(holes, SEEN_AT_ONCE, REFINED_APART, box=own, around=REFINED_AROUND):
        for box in cut_box(holes, group, REFINED_AT_ONCE):
            parts.append(_refine_part(fill, box, result, mask, parts, settings, device))
            release_after(parts[-1].image)
    return parts


def _refine_part(
    fill: Fill,
    own: Window,
    result: Result,
    mask: Tensor,
    before: Sequence[Fill],
    settings: Settings,
    device: torch.device,
) -> Fill:
    assert result.border is not None
    near = _choose_surroundings(own, mask, before)
    part, hole, found = _cut_surroundings(near, result, mask, before)
    changed = fill.crop(*near)
    alpha = feather_mask(found, *result.border)
    if settings.unveil:
        part, rest = remove_veils(part, found, changed)
        hole, _ = grow_by_border(rest, result.border)
        hole &= ~found | rest
    changed = torch.where(hole | (alpha == 0), changed, part)
    del alpha
    if (settings.seamless or settings.texture > 0) and hole.any():
        _close_seam(changed, part, hole)
    inner = shift(own, near)
    if settings.texture == 0:
        return Fill(image=changed[..., *inner].clone(), box=own, own=own)
    around = surround(inner, hole.shape[-2:], most=BLEND_REACH)
    smooth = changed[..., *around].clone()
    part = torch.where(hole, changed, part)
    del changed
    release_after(part)
    textured = _synthesize(part, hole, device)[..., *around]
    blended = blend_texture(smooth, torch.where(hole[..., *around], textured, smooth), settings.texture)
    return Fill(image=blended[..., *shift(inner, around)].clone(), box=own, own=own)


def _choose_surroundings(own: Window, mask: Tensor, before: Sequence[Fill]) -> Window:
    """Choose the surroundings of a part that it is refined with; little on sides where the photo is not known."""
    near = surround(own, mask.shape[-2:], most=REFINED_AROUND)
    unknown = mask[0, 0, *near].numpy().copy()
    wide, near = near, leave_unknown(near, own, unknown, FILLED_AROUND)
    for other in before:
        common = intersect(wide, other.own)
        if common is not None:
            unknown[shift(common, wide)] = False
    return leave_unknown(near, own, unknown[shift(near, wide)])


def _cut_surroundings(
    near: Window, result: Result, mask: Tensor, before: Sequence[Fill]
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the surroundings out of the photo, with what was filled before in it.

    Returns:
        The image; the mask of what is still to be filled; and that of what was found there, without its border.
    """
    part = result.photo.crop_rgb(*near)
    hole, found = (x[..., near[0], near[1]].clone() for x in (mask, result.corruption_mask))
    for other in before:
        common = intersect(near, other.own)
        if common is not None:
            rows, columns = shift(common, near)
            known = hole[..., rows, columns]
            part[..., rows, columns] = torch.where(known, other.crop(*common), part[..., rows, columns])
            known.zero_()
            found[..., rows, columns] = False
    return part, hole, found


def _close_seam(changed: Tensor, part: Tensor, hole: Tensor) -> None:
    """Shift what was filled in ``changed``, in place, so that it meets the photo at the border of the hole."""
    rows, columns = surround(bound_mask(hole[0, 0].numpy()), hole.shape[-2:], most=1)  # the border is in it
    inside = hole[..., rows, columns]
    guess = changed[..., rows, columns]
    closed = close_seam(part[..., rows, columns], inside, guess).clamp_(0, 1)
    changed[..., rows, columns] = torch.where(inside, closed, guess)


def _synthesize(filled: Tensor, mask: Tensor, device: torch.device) -> Tensor:
    """Add texture to a filled part of a photo, at the photo's resolution, whatever the restorer's was."""
    filled, mask = filled.to(device), mask.to(device)
    return synthesize(filled, mask, filled).cpu()


def grow_by_border(mask: Tensor, border: tuple[float, float]) -> tuple[Tensor, bool]:
    """Grow a mask by its feathered border: a fill that ended before it could not fade into the photo.

    Returns:
        The grown mask and True; or, if nothing of the photo would be known beyond it, the mask as it is and False.
    """
    grown = grow_mask(mask[0, 0].numpy(), *border)
    return (mask, False) if grown.all() else (torch.from_numpy(grown)[None, None], True)


def release_after(done: Tensor) -> None:
    """Release the memory that a large image took; after a small one, it is not worth the time."""
    if done.numel() > BAND // 2:
        release_memory()
