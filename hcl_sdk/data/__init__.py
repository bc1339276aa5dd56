"""Datasets, and how their samples are turned into model inputs."""

from hcl_sdk.data.annotated import AnnotatedDataset
from hcl_sdk.data.celeba_hq import CelebAHQ
from hcl_sdk.data.ffhq import FFHQ
from hcl_sdk.data.folder import FolderDataset
from hcl_sdk.data.hugging_face import HuggingFaceDataset
from hcl_sdk.data.imagenet import ImageNet
from hcl_sdk.data.istd import ISTD
from hcl_sdk.data.items import Item, Items
from hcl_sdk.data.logo_30k import Logo30K
from hcl_sdk.data.manifest import Contamination, Manifest, ManifestDataset
from hcl_sdk.data.pairs import PairsDataset
from hcl_sdk.data.paris_streetview import ParisStreetView
from hcl_sdk.data.places365 import Places365
from hcl_sdk.data.raindrop import Raindrop
from hcl_sdk.data.webdataset import WebDataset

__all__ = [
    "FFHQ",
    "ISTD",
    "AnnotatedDataset",
    "CelebAHQ",
    "Contamination",
    "FolderDataset",
    "HuggingFaceDataset",
    "ImageNet",
    "Item",
    "Items",
    "Logo30K",
    "Manifest",
    "ManifestDataset",
    "PairsDataset",
    "ParisStreetView",
    "Places365",
    "Raindrop",
    "WebDataset",
]
