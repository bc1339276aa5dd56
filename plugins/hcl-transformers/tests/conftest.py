"""No test may depend on the network; this has to be known before the Hub's library is imported."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
