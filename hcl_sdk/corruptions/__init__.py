"""Damage for training and evaluation: shapes, contents, and their application to photos."""

from hcl_sdk.corruptions.contents.blur import Blur
from hcl_sdk.corruptions.contents.caption import Caption
from hcl_sdk.corruptions.contents.color import RandomColor
from hcl_sdk.corruptions.contents.constant import Constant
from hcl_sdk.corruptions.contents.cracks import Cracks
from hcl_sdk.corruptions.contents.cutout import Cutout
from hcl_sdk.corruptions.contents.date_stamp import DateStamp
from hcl_sdk.corruptions.contents.drops import Drops
from hcl_sdk.corruptions.contents.film import FilmDamage
from hcl_sdk.corruptions.contents.glitch import Glitch
from hcl_sdk.corruptions.contents.gradient import Gradient
from hcl_sdk.corruptions.contents.graffiti import Graffiti
from hcl_sdk.corruptions.contents.jpeg import JPEGBlocks
from hcl_sdk.corruptions.contents.logo import Logo
from hcl_sdk.corruptions.contents.mosaic import Mosaic
from hcl_sdk.corruptions.contents.noise import Noise
from hcl_sdk.corruptions.contents.pen import Pen
from hcl_sdk.corruptions.contents.photo import AnotherPhoto
from hcl_sdk.corruptions.contents.same_photo import SamePhoto
from hcl_sdk.corruptions.contents.stickers import Stickers
from hcl_sdk.corruptions.contents.text import TextContent
from hcl_sdk.corruptions.contents.torn import TornPaper
from hcl_sdk.corruptions.contents.watermark import Watermark
from hcl_sdk.corruptions.corruption import Corrupted, Corruption, Rule, blend
from hcl_sdk.corruptions.post import Postprocessing
from hcl_sdk.corruptions.shapes.blobs import Blobs
from hcl_sdk.corruptions.shapes.brush import BrushStrokes
from hcl_sdk.corruptions.shapes.dust import Dust
from hcl_sdk.corruptions.shapes.irregular import IrregularMasks
from hcl_sdk.corruptions.shapes.logos import Logos
from hcl_sdk.corruptions.shapes.rectangles import Rectangles
from hcl_sdk.corruptions.shapes.regular import AlternateLines, AlternatePixels, CenterBox, Full, Half
from hcl_sdk.corruptions.shapes.scratches import Scratches
from hcl_sdk.corruptions.shapes.tape import Tape
from hcl_sdk.corruptions.shapes.text import TextShape

__all__ = [
    "AlternateLines",
    "AlternatePixels",
    "AnotherPhoto",
    "Blobs",
    "Blur",
    "BrushStrokes",
    "Caption",
    "CenterBox",
    "Constant",
    "Corrupted",
    "Corruption",
    "Cracks",
    "Cutout",
    "DateStamp",
    "Drops",
    "Dust",
    "FilmDamage",
    "Full",
    "Glitch",
    "Gradient",
    "Graffiti",
    "Half",
    "IrregularMasks",
    "JPEGBlocks",
    "Logo",
    "Logos",
    "Mosaic",
    "Noise",
    "Pen",
    "Postprocessing",
    "RandomColor",
    "Rectangles",
    "Rule",
    "SamePhoto",
    "Scratches",
    "Stickers",
    "Tape",
    "TextContent",
    "TextShape",
    "TornPaper",
    "Watermark",
    "blend",
]
