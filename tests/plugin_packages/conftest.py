"""The packages here are built, installed and used by test_installed_plugins.py; none of their modules is a test."""

collect_ignore_glob = ["*"]
