"""The built-in components, registered by the same hook as anybody's."""

from __future__ import annotations

from hcl_sdk.plugins import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    """Register what hcl_sdk itself brings."""
    registry.encoder("swin", "hcl_sdk.encoders.swin:SwinEncoder", summary="hierarchical window attention (published)")
    registry.encoder(
        "convnext", "hcl_sdk.encoders.convnext:ConvNeXtEncoder", summary="light, convolutional, with a wide view"
    )
    registry.encoder(
        "resnet", "hcl_sdk.encoders.resnet:ResNetEncoder", summary="plain residual convolutions; fast on a CPU"
    )
    registry.interaction(
        "top-down", "hcl_sdk.interactions.top_down:TopDownFusion", summary="coarse scales inform finer ones (published)"
    )
    registry.interaction(
        "bidirectional",
        "hcl_sdk.interactions.bidirectional:BidirectionalFusion",
        summary="coarse to fine and back again",
    )
    registry.interaction("identity", "hcl_sdk.interactions.identity:Identity", summary="scales stay on their own")
    registry.head("projection", "hcl_sdk.heads.projection:ProjectionHead", summary="one linear map a scale (published)")
    registry.head(
        "deep-projection", "hcl_sdk.heads.deep_projection:DeepProjectionHead", summary="a small network a scale"
    )
    registry.clusterer(
        "soft-kmeans", "hcl_sdk.clusterers.soft_kmeans:SoftKMeans", summary="soft k-means for each image (published)"
    )
    registry.clusterer(
        "prototypes", "hcl_sdk.clusterers.prototypes:Prototypes", summary="learned centers, no iteration; exportable"
    )
    registry.restorer(
        "partial-swin",
        "hcl_sdk.restorers.partial_swin:PartialSwinRestorer",
        summary="decodes the detector's features, refined by gated convolutions (published)",
    )
    registry.restorer(
        "gated-unet", "hcl_sdk.restorers.gated_unet:GatedUNet", summary="gated convolutions; image and mask only"
    )
    registry.weights("default", "hcl_sdk:assets/default", summary="small detector and restorer, in the package")
