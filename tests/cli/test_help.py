from __future__ import annotations

import os
import subprocess
import sys


def test_help_and_version_import_nothing_heavy() -> None:
    program = """
import sys
from hcl_sdk.cli import main

imported = []
for arguments in (["--version"], ["--help"], ["restore", "--help"], ["convert", "--help"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, arguments
    imported.append(sorted({"torch", "numpy", "PIL", "pluggy", "attrs", "tqdm"} & set(sys.modules)))
print(imported)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *_, imported = done.stdout.splitlines()
    # The list of all commands has those of plugins; the options of settings are read from their attrs fields.
    assert imported == "[[], ['attrs', 'pluggy'], ['attrs', 'pluggy'], ['attrs', 'pluggy']]"
    assert "NAME_restored.EXT" in done.stdout
    assert any(line.startswith("hcl ") and line.split()[1][0].isdigit() for line in done.stdout.splitlines())


def test_the_help_of_every_command_imports_no_torch() -> None:
    program = """
import sys
from hcl_sdk.cli import main

names = main.list_commands(None)
for name in names:
    try:
        main([name, "--help"], prog_name="hcl")
    except SystemExit as end:
        assert end.code == 0, name
print(len(names), sorted({"torch", "numpy", "PIL"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "10 []"
    assert done.stdout.count("Usage: hcl ") == 10


def test_listing_plugins_and_components_imports_no_torch() -> None:
    program = """
import sys
from hcl_sdk.cli import main

for command in ("plugins", "components"):
    main([command], standalone_mode=False)
print("torch" in sys.modules)
"""
    environment = os.environ | {"HCL_DISABLE_PLUGINS": "*"}  # what is installed here may import anything
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "False"
    assert "hcl-sdk" in done.stdout


def test_a_command_is_imported_when_it_is_asked_for() -> None:
    program = """
import sys
from hcl_sdk.cli import main

assert "hcl_sdk.cli.components" not in sys.modules
main(["components", "--help"], standalone_mode=False)
print("hcl_sdk.cli.components" in sys.modules, "hcl_sdk.cli.restore" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True False"
