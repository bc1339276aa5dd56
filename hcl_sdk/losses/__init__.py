"""What training minimizes: losses of detection and of restoration."""

from hcl_sdk.losses.bce import BCELoss
from hcl_sdk.losses.classifier import ClassifierLoss
from hcl_sdk.losses.damage import DamageLoss
from hcl_sdk.losses.hierarchical import HierarchicalContrastiveLoss
from hcl_sdk.losses.hinge import HingeLoss
from hcl_sdk.losses.info_nce import InfoNCELoss
from hcl_sdk.losses.l1 import L1Loss
from hcl_sdk.losses.multiscale_l1 import MultiscaleL1Loss
from hcl_sdk.losses.perceptual import PerceptualLoss
from hcl_sdk.losses.sup_con import SupConLoss
from hcl_sdk.losses.verdict import VerdictLoss
from hcl_sdk.losses.wasserstein import WassersteinLoss

__all__ = [
    "BCELoss",
    "ClassifierLoss",
    "DamageLoss",
    "HierarchicalContrastiveLoss",
    "HingeLoss",
    "InfoNCELoss",
    "L1Loss",
    "MultiscaleL1Loss",
    "PerceptualLoss",
    "SupConLoss",
    "VerdictLoss",
    "WassersteinLoss",
]
