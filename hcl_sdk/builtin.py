"""The built-in components, registered by the same hook as anybody's."""

from __future__ import annotations

from hcl_sdk.plugins import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    """Register the components and weights that ship with hcl_sdk."""
    registry.encoder("swin", "hcl_sdk.encoders.swin:SwinEncoder", summary="hierarchical window attention (published)")
    registry.encoder(
        "convnext",
        "hcl_sdk.encoders.convnext:ConvNeXtEncoder",
        summary="light, convolutional, with a wide receptive field",
    )
    registry.encoder(
        "resnet", "hcl_sdk.encoders.resnet:ResNetEncoder", summary="plain residual convolutions; fast on a CPU"
    )
    registry.encoder(
        "efficientnet-lite",
        "hcl_sdk.encoders.efficientnet_lite:EfficientNetLiteEncoder",
        summary="pretrained on ImageNet, few parameters; fast on a CPU",
    )
    registry.encoder(
        "side-by-side",
        "hcl_sdk.encoders.side_by_side:SideBySideEncoder",
        summary="several encoders, maps of the same stride concatenated",
    )
    registry.interaction(
        "top-down",
        "hcl_sdk.interactions.top_down:TopDownFusion",
        summary="concatenates coarser features to finer scales (published)",
    )
    registry.interaction(
        "bidirectional",
        "hcl_sdk.interactions.bidirectional:BidirectionalFusion",
        summary="coarse to fine and back again",
    )
    registry.interaction(
        "residual-fpn",
        "hcl_sdk.interactions.residual_fpn:ResidualFPN",
        summary="coarse to fine through residual blocks; attention at coarse scales",
    )
    registry.interaction(
        "identity", "hcl_sdk.interactions.identity:Identity", summary="no fusion: scales stay separate"
    )
    registry.head("projection", "hcl_sdk.heads.projection:ProjectionHead", summary="two layers per scale (published)")
    registry.head(
        "deep-projection",
        "hcl_sdk.heads.deep_projection:DeepProjectionHead",
        summary="three layers per scale, with context",
    )
    registry.clusterer(
        "soft-kmeans", "hcl_sdk.clusterers.soft_kmeans:SoftKMeans", summary="soft k-means for each image (published)"
    )
    registry.clusterer(
        "prototypes", "hcl_sdk.clusterers.prototypes:Prototypes", summary="learned centers, no iteration; exportable"
    )
    registry.clusterer(
        "anchored-kmeans",
        "hcl_sdk.clusterers.anchored_kmeans:AnchoredKMeans",
        summary="soft k-means for each image, anchored at learned centers",
    )
    registry.restorer(
        "partial-swin",
        "hcl_sdk.restorers.partial_swin:PartialSwinRestorer",
        summary="decodes the detector's features, refined by gated convolutions (published)",
    )
    registry.restorer(
        "gated-unet", "hcl_sdk.restorers.gated_unet:GatedUNet", summary="gated convolutions; image and mask only"
    )
    registry.restorer(
        "residual-unet",
        "hcl_sdk.restorers.residual_unet:ResidualUNet",
        summary="adds what a smooth fill lacks; image and mask only",
    )
    registry.restorer(
        "patch-synthesis",
        "hcl_sdk.restorers.patch_synthesis:PatchSynthesis",
        summary="structure from another restorer, texture from the photo itself",
    )
    registry.loss(
        "hierarchical",
        "hcl_sdk.losses.hierarchical:HierarchicalContrastiveLoss",
        summary="pixels of a class together, classes apart, at every scale (published)",
    )
    registry.loss("info-nce", "hcl_sdk.losses.info_nce:InfoNCELoss", summary="each positive against all negatives")
    registry.loss("sup-con", "hcl_sdk.losses.sup_con:SupConLoss", summary="supervised contrastive")
    registry.loss("bce", "hcl_sdk.losses.bce:BCELoss", summary="pixel-wise cross-entropy of a learned clusterer")
    registry.loss(
        "classifier",
        "hcl_sdk.losses.classifier:ClassifierLoss",
        summary="which of two centers is corrupted (published)",
    )
    registry.loss("damage", "hcl_sdk.losses.damage:DamageLoss", summary="classifies the damage of each pixel")
    registry.loss("verdict", "hcl_sdk.losses.verdict:VerdictLoss", summary="whether there is any damage in the image")
    registry.loss("l1", "hcl_sdk.losses.l1:L1Loss", summary="absolute difference (published)")
    registry.loss(
        "multiscale-l1",
        "hcl_sdk.losses.multiscale_l1:MultiscaleL1Loss",
        summary="absolute difference in the hole, also at coarser scales and across edges",
    )
    registry.loss(
        "perceptual",
        "hcl_sdk.losses.perceptual:PerceptualLoss",
        summary="difference between features of a trained network (published)",
    )
    registry.loss(
        "wasserstein",
        "hcl_sdk.losses.wasserstein:WassersteinLoss",
        summary="adversarial, with a gradient penalty (published)",
    )
    registry.loss("hinge", "hcl_sdk.losses.hinge:HingeLoss", summary="adversarial, with a margin")
    registry.shape(
        "irregular", "hcl_sdk.corruptions.shapes.irregular:IrregularMasks", summary="masks from a folder (published)"
    )
    registry.shape("box", "hcl_sdk.corruptions.shapes.regular:CenterBox", summary="a box in the middle (published)")
    registry.shape(
        "rectangles",
        "hcl_sdk.corruptions.shapes.rectangles:Rectangles",
        summary="several upright rectangles (published)",
    )
    registry.shape(
        "brush", "hcl_sdk.corruptions.shapes.brush:BrushStrokes", summary="broad, curved strokes (published)"
    )
    registry.shape("half", "hcl_sdk.corruptions.shapes.regular:Half", summary="one half (published)")
    registry.shape("lines", "hcl_sdk.corruptions.shapes.regular:AlternateLines", summary="every other line (published)")
    registry.shape(
        "pixels", "hcl_sdk.corruptions.shapes.regular:AlternatePixels", summary="three out of four pixels (published)"
    )
    registry.shape("blobs", "hcl_sdk.corruptions.shapes.blobs:Blobs", summary="closed outlines of any shape")
    registry.shape("scratches", "hcl_sdk.corruptions.shapes.scratches:Scratches", summary="thin lines, as on film")
    registry.shape("text", "hcl_sdk.corruptions.shapes.text:TextShape", summary="letters")
    registry.shape("logos", "hcl_sdk.corruptions.shapes.logos:Logos", summary="outlines of logos")
    registry.shape("tape", "hcl_sdk.corruptions.shapes.tape:Tape", summary="strips of tape and stickers")
    registry.shape("dust", "hcl_sdk.corruptions.shapes.dust:Dust", summary="specks and hairs")
    registry.shape("full", "hcl_sdk.corruptions.shapes.regular:Full", summary="everything")
    registry.content(
        "constant", "hcl_sdk.corruptions.contents.constant:Constant", summary="one given color (published)"
    )
    registry.content("noise", "hcl_sdk.corruptions.contents.noise:Noise", summary="uniform noise (published)")
    registry.content("color", "hcl_sdk.corruptions.contents.color:RandomColor", summary="one random color (published)")
    registry.content("photo", "hcl_sdk.corruptions.contents.photo:AnotherPhoto", summary="another photo (published)")
    registry.content("graffiti", "hcl_sdk.corruptions.contents.graffiti:Graffiti", summary="sprayed lines and words")
    registry.content("text", "hcl_sdk.corruptions.contents.text:TextContent", summary="lines of text")
    registry.content("logo", "hcl_sdk.corruptions.contents.logo:Logo", summary="logos, opaque or as a watermark")
    registry.content("mosaic", "hcl_sdk.corruptions.contents.mosaic:Mosaic", summary="large squares of one color")
    registry.content("blur", "hcl_sdk.corruptions.contents.blur:Blur", summary="the photo out of focus")
    registry.content(
        "gradient", "hcl_sdk.corruptions.contents.gradient:Gradient", summary="one color fading into another"
    )
    registry.content(
        "same-photo", "hcl_sdk.corruptions.contents.same_photo:SamePhoto", summary="another part of the same photo"
    )
    registry.content(
        "jpeg", "hcl_sdk.corruptions.contents.jpeg:JPEGBlocks", summary="block artifacts of strong compression"
    )
    registry.content("caption", "hcl_sdk.corruptions.contents.caption:Caption", summary="legible captions")
    registry.content("cracks", "hcl_sdk.corruptions.contents.cracks:Cracks", summary="cracks and folds of prints")
    registry.content("cutout", "hcl_sdk.corruptions.contents.cutout:Cutout", summary="objects cut out of other photos")
    registry.content(
        "date-stamp", "hcl_sdk.corruptions.contents.date_stamp:DateStamp", summary="dates as cameras print them"
    )
    registry.content("drops", "hcl_sdk.corruptions.contents.drops:Drops", summary="water drops and stains")
    registry.content("film", "hcl_sdk.corruptions.contents.film:FilmDamage", summary="dirt, hair and scratches of film")
    registry.content("glitch", "hcl_sdk.corruptions.contents.glitch:Glitch", summary="shifted lines, wrong blocks")
    registry.content("pen", "hcl_sdk.corruptions.contents.pen:Pen", summary="pen, marker and highlighter")
    registry.content("stickers", "hcl_sdk.corruptions.contents.stickers:Stickers", summary="faces, hearts, badges")
    registry.content(
        "torn", "hcl_sdk.corruptions.contents.torn:TornPaper", summary="missing corners, torn edges, holes"
    )
    registry.content(
        "watermark", "hcl_sdk.corruptions.contents.watermark:Watermark", summary="semi-transparent words and logos"
    )
    registry.dataset("folder", "hcl_sdk.data.folder:FolderDataset", summary="any folder of photos")
    registry.dataset(
        "pairs", "hcl_sdk.data.pairs:PairsDataset", summary="damaged photos with clean ones, masks or both"
    )
    registry.dataset(
        "annotated",
        "hcl_sdk.data.annotated:AnnotatedDataset",
        summary="damaged photos with hand-drawn masks, for evaluation",
    )
    registry.dataset(
        "hugging-face",
        "hcl_sdk.data.hugging_face:HuggingFaceDataset",
        summary="a dataset of the Hugging Face library datasets",
    )
    registry.dataset("webdataset", "hcl_sdk.data.webdataset:WebDataset", summary="tar files in WebDataset's layout")
    registry.dataset(
        "manifest", "hcl_sdk.data.manifest:ManifestDataset", summary="damaged photos listed in a benchmark's manifest"
    )
    registry.dataset("ffhq", "hcl_sdk.data.ffhq:FFHQ", summary="faces (published)")
    registry.dataset("celeba-hq", "hcl_sdk.data.celeba_hq:CelebAHQ", summary="faces (published)")
    registry.dataset("imagenet", "hcl_sdk.data.imagenet:ImageNet", summary="objects (published)")
    registry.dataset("places365", "hcl_sdk.data.places365:Places365", summary="scenes (published)")
    registry.dataset("paris-streetview", "hcl_sdk.data.paris_streetview:ParisStreetView", summary="facades (published)")
    registry.dataset("logo-30k", "hcl_sdk.data.logo_30k:Logo30K", summary="watermarked photos with masks (published)")
    registry.dataset("istd", "hcl_sdk.data.istd:ISTD", summary="shadows with masks (published)")
    registry.dataset("raindrop", "hcl_sdk.data.raindrop:Raindrop", summary="raindrops on glass (published)")
    registry.weights("default", "hcl_sdk:assets/default", summary="small detector and restorer; ship with the package")
