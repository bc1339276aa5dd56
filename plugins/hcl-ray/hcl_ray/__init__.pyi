from .batches import Detect as Detect
from .batches import Restore as Restore
from .jobs import detect as detect
from .jobs import restore as restore
from .model import Settings as Settings
from .summary import Summary as Summary
