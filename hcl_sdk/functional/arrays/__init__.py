"""Functions on the arrays of one photo, without torch: its parts and sizes, masks and their regions, alpha, seams."""

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.arrays._boxes import (
    BAND,
    Box,
    Window,
    bound_mask,
    cut_bands,
    intersect,
    scale_box,
    shift,
    slice_box,
    surround,
)
from hcl_sdk.functional.arrays._colors import follow_colors
from hcl_sdk.functional.arrays._confidence import (
    CERTAIN,
    CONTEXT_SHARE,
    ENCLOSED,
    calibrate_verdict,
    fill_enclosed,
    find_peak,
    measure_softness,
)
from hcl_sdk.functional.arrays._feather import Tile, feather_mask, feather_tiles, grow_mask
from hcl_sdk.functional.arrays._follow import follow_image
from hcl_sdk.functional.arrays._membrane import SWEEPS, close_seam, stretch_membrane
from hcl_sdk.functional.arrays._plain import fill_plain
from hcl_sdk.functional.arrays._regions import label_regions, select_regions
from hcl_sdk.functional.arrays._sizes import choose_working_size, enlarge_size, shrink_mask, shrink_size
from hcl_sdk.functional.arrays._split import (
    FILLED_AROUND,
    REFINED_APART,
    REFINED_AROUND,
    REFINED_AT_ONCE,
    SEEN_AT_ONCE,
    cut_box,
    leave_unknown,
    split_mask,
)
from hcl_sdk.functional.arrays._veils import follow_veils

__all__ = [
    "BAND",
    "CERTAIN",
    "CONTEXT_SHARE",
    "ENCLOSED",
    "FILLED_AROUND",
    "REFINED_APART",
    "REFINED_AROUND",
    "REFINED_AT_ONCE",
    "SEEN_AT_ONCE",
    "SWEEPS",
    "Box",
    "Tile",
    "Window",
    "bound_mask",
    "calibrate_verdict",
    "choose_working_size",
    "close_seam",
    "cut_bands",
    "cut_box",
    "enlarge_size",
    "feather_mask",
    "feather_tiles",
    "fill_enclosed",
    "fill_plain",
    "find_peak",
    "follow_colors",
    "follow_image",
    "follow_veils",
    "grow_mask",
    "intersect",
    "label_regions",
    "leave_unknown",
    "measure_softness",
    "scale_box",
    "select_regions",
    "shift",
    "shrink_mask",
    "shrink_size",
    "slice_box",
    "split_mask",
    "stretch_membrane",
    "surround",
]


redirect(__name__, {"feathered_alpha": "feather_mask", "working_size": "shrink_size"})
