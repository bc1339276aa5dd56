"""Requirements of a call to a pipeline on its parts."""

from __future__ import annotations

from hcl_sdk.detector import Detector
from hcl_sdk.interfaces import Detection, Restorer
from hcl_sdk.settings import Settings, explain_no_kinds


def check_restorer(restorer: Restorer | None) -> Restorer:
    """Return the restorer; raise ``ValueError`` if there is none."""
    if restorer is None:
        raise ValueError("this pipeline has no restorer; use pipeline.detect(photo), or give it one")
    return restorer


def check_detector(detector: Detector | None, settings: Settings) -> Detector:
    """Return the detector; raise ``ValueError`` if there is none, or it lacks what the settings need."""
    if detector is None:
        raise ValueError("this pipeline has no detector; use pipeline.restore(photo, corruption_mask=mask)")
    if why := explain_no_kinds(settings) or explain_lack_of_kinds(detector, settings):
        raise ValueError(why)
    if settings.detail_size is not None and detector.detail_fusion is None:
        raise ValueError(
            f"detail_size={settings.detail_size} analyzes the photo's own pixels, but these weights cannot fuse "
            f"the results with the rest: their detector has no detail_fusion; set detail_size to None"
        )
    return detector


def check_kinds(detection: Detection | None, settings: Settings) -> None:
    """Raise ``ValueError`` if the settings select by the kind of damage, and none is left or a detection has none."""
    if why := explain_no_kinds(settings):
        raise ValueError(why)
    name = _find_kind_setting(settings)
    if name is not None and (detection is None or detection.damage_logits is None):
        raise ValueError(
            f"{name} selects by the kind of damage, which is not known here; pass a result that was detected by a "
            f"pipeline whose detector has a damage_head"
        )


def explain_lack_of_kinds(detector: Detector | None, settings: Settings) -> str | None:
    """Explain why regions cannot be selected by kind as the settings require; None if they can."""
    name = _find_kind_setting(settings)
    if name is None or detector is None or detector.damage_head is not None:
        return None
    return (
        f"{name} selects regions by their kind of damage, which these weights do not distinguish: their detector has "
        f"no damage_head; min_area works with any weights"
    )


def _find_kind_setting(settings: Settings) -> str | None:
    """Return the name of the setting that needs to know kinds of damage; None if none does."""
    return "only" if settings.only else "skip" if settings.skip else None
