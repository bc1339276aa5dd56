"""What all of the package keeps."""

from __future__ import annotations

import subprocess
import sys


def test_no_torch_is_imported() -> None:
    code = "import sys; sys.modules['torch'] = None; import hcl_sdk.functional.arrays"
    subprocess.run([sys.executable, "-c", code], check=True)
