"""A component of every kind, as plugins for api_version 1 were written when it was new. Never change this package."""

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_register(registry):
    registry.encoder("plain", "hcl_vintage.detector:PlainEncoder", summary="convolutions of stride 2")
    registry.interaction("addition", "hcl_vintage.detector:Addition", summary="coarse scales are added to finer ones")
    registry.head("linear", "hcl_vintage.detector:LinearHead", summary="one linear map a scale")
    registry.clusterer(
        "farthest", "hcl_vintage.detector:MeanAndFarthest", summary="the mean, and what is least like it"
    )
    registry.restorer("mean", "hcl_vintage.restorers:MeanOfKnown", summary="the mean color of the known pixels")
    registry.restorer("from-features", "hcl_vintage.restorers:FromFeatures", summary="a linear map of the features")
    registry.loss("separation", "hcl_vintage.losses:Separation", summary="means of the two classes apart")
    registry.loss("charbonnier", "hcl_vintage.losses:Charbonnier", summary="a smooth difference")
    registry.loss("critic", "hcl_vintage.losses:Critic", summary="adversarial")
    registry.shape("disk", "hcl_vintage.data:Disk", summary="one disk")
    registry.content("stripes", "hcl_vintage.data:Stripes", summary="two colors")
    registry.dataset("ramps", "hcl_vintage.data:Ramps", summary="pictures that are computed")
    registry.weights("small", "hcl_vintage:weights", summary="of these components")
