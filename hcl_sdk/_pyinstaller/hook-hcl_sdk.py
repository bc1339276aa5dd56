"""Files that a frozen program needs and PyInstaller cannot detect: modules that are imported when first used, the
stub that lists the public names, the default weights, and the metadata by which plugins are found.
"""

from PyInstaller.utils.hooks import (  # pyright: ignore[reportMissingModuleSource]
    collect_data_files,
    collect_submodules,
    copy_metadata,
)

# The conformance kit and the tests' own plugin need pytest, and this hook PyInstaller.
hiddenimports = collect_submodules(
    "hcl_sdk", filter=lambda name: not name.startswith(("hcl_sdk.testing", "hcl_sdk._pyinstaller"))
)
datas = collect_data_files("hcl_sdk") + copy_metadata("hcl_sdk")
