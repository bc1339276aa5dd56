"""The options of settings, which commands take from the fields of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from hcl_sdk.cli import main
from hcl_sdk.settings import DAMAGE, Number, Option, Settings, list_settings

OPTIONS: dict[str, Option] = {
    field.name: field.metadata["option"] for field in attrs.fields(Settings) if "option" in field.metadata
}


def test_every_option_is_of_a_group() -> None:
    names = [name for group in ("finding", "sizes", "filling") for name in list_settings(group)]
    assert sorted(names) == sorted(OPTIONS)
    assert len(OPTIONS) >= 11


@pytest.mark.parametrize("name", OPTIONS)
def test_the_option_of_a_setting_is_the_field(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Help, range and value are those of the field; without the option the weights' own value applies."""
    photo = tmp_path / "photo.png"
    photo.touch()
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("hcl_sdk.cli._photos.run", lambda _, **options: given.append(options))
    field, flag = attrs.fields_dict(Settings)[name], f"--{name.replace('_', '-')}"
    option, check = OPTIONS[name], field.validator

    def run(command: str, *arguments: str) -> Any:
        return CliRunner().invoke(main, [command, str(photo), *arguments])

    if option.metavar is None:
        values: list[tuple[tuple[str, ...], Any]] = [((flag,), True), ((f"--no-{flag[2:]}",), False)]
    elif isinstance(check, Number):
        values = [((flag, "1"), check.type(1))]
    else:
        values = [((flag, DAMAGE[0]), (DAMAGE[0],)), ((flag, ", ".join(DAMAGE)), DAMAGE)]
    commands = ["restore"] if option.group == "filling" else ["restore", "detect"]
    for command in commands:
        shown = " ".join(run(command, "--help").output.replace("-\n", "-").split())
        assert f"{flag} {option.metavar or '/ --no-' + flag[2:]} {option.help} [default: from the weights]" in shown
        for arguments, value in values:
            assert run(command, *arguments).exit_code == 0
            assert given.pop()[name] == value
        assert run(command).exit_code == 0
        assert given.pop()[name] is None
        if option.metavar is not None:
            refused = run(command, flag, "-1")
            assert refused.exit_code == 2
            assert "expected" in refused.output
