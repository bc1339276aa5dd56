"""Discovery, with packages that are no more than their metadata and a module. See also test_installed_plugins.py."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import click
import pytest
from click.testing import CliRunner, Result

import hcl_sdk
from hcl_sdk import plugins
from hcl_sdk.cli._plugin_commands import PluginGroup
from hcl_sdk.plugins import discover, name_commands
from hcl_sdk.registry import PluginError, PluginReport, Registry, RegistryError

GIVES_ONE_HEAD = """
    import hcl_sdk

    @hcl_sdk.hookimpl
    def hcl_register(registry):
        registry.head("one", "somewhere:One")
"""


INSTALLED = {d.locate_file("") for d in importlib.metadata.distributions()}
"""The folders that there are anyway; plugins in them, such as the first-party ones, would be in the way."""


class Install(Protocol):
    """Installs a distribution of one module; returns its folder."""

    def __call__(
        self,
        distribution: str,
        code: str,
        *,
        version: str = ...,
        entry_points: str | bytes | None = ...,
        module: str | None = ...,
        metadata: str | bytes | None = ...,
    ) -> Path: ...


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCL_DISABLE_PLUGINS", raising=False)
    monkeypatch.delenv("HCL_STRICT_PLUGINS", raising=False)
    everything = importlib.metadata.distributions

    def without_installed_plugins(**context: Any) -> Iterator[importlib.metadata.Distribution]:
        for distribution in everything(**context):
            if distribution.locate_file("") not in INSTALLED or distribution.name.replace("-", "_") == "hcl_sdk":
                yield distribution

    monkeypatch.setattr(importlib.metadata, "distributions", without_installed_plugins)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a distribution of one module into a new folder, which comes first on the path."""
    count = 0

    def do(
        distribution: str,
        code: str,
        *,
        version: str = "1.0",
        entry_points: str | bytes | None = None,
        module: str | None = None,
        metadata: str | bytes | None = None,
    ) -> Path:
        nonlocal count
        count += 1
        module = module or f"plugin_{abs(hash(tmp_path))}_{count}"
        folder = tmp_path / str(count)
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        metadata = metadata or f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        entry_points = entry_points or f"[hcl_sdk]\npoint = {module}\n"
        for name, content in (("METADATA", metadata), ("entry_points.txt", entry_points)):
            (info / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        (folder / f"{module}.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(folder)
        return folder

    return do


def discover_reports(registry: Registry | None = None) -> dict[str, PluginReport]:
    """The reports on all plugins but those of the built-ins, by distribution."""
    return {r.distribution: r for r in discover(registry or Registry()) if r.distribution != "hcl-sdk"}


def test_the_built_ins_come_first_by_the_same_hook() -> None:
    first = discover(Registry())[0]
    assert (first.distribution, first.status, first.value) == ("hcl-sdk", "ok", "hcl_sdk.builtin")
    assert {"swin", "default"} <= set(first.names)


def test_every_built_in_can_be_loaded() -> None:
    registry = Registry(discover=discover)
    built_in = [e for e in registry.list_entries() if e.distribution is None and e.kind != "weights"]
    assert len(built_in) >= 11
    for entry in built_in:
        cls = registry.get(entry.kind, entry.name)
        assert cls.kind == entry.kind
        assert registry.get_name(cls) == entry.name
        assert entry.summary


def test_the_built_ins_are_there_without_metadata(tmp_path: Path) -> None:
    (tmp_path / "hcl_sdk").symlink_to(Path(hcl_sdk.__file__).parent, target_is_directory=True)
    program = """
        import importlib.metadata, sys

        sys.path.insert(0, sys.argv[1])
        everything = importlib.metadata.distributions
        importlib.metadata.distributions = lambda: [d for d in everything() if d.name.replace("-", "_") != "hcl_sdk"]
        from hcl_sdk.plugins import registry

        assert registry.find("encoder", "swin").distribution is None
        print([report.version for report in registry.plugins if report.distribution == "hcl-sdk"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "['(not installed)']", done.stderr


def test_a_plugin_provides_the_components_its_hook_registers(install: Install) -> None:
    install("My_Dist", GIVES_ONE_HEAD, version="3.4")
    registry = Registry()
    report = discover_reports(registry)["my-dist"]
    assert (report.status, report.version, report.entry_point, report.error) == ("ok", "3.4", "point", "")
    assert report.names == ("my-dist/one",)
    assert registry.find("head", "one").target == "somewhere:One"


def test_scripts_plugins_and_built_ins_share_one_registry(install: Install) -> None:
    install("lazy-dist", GIVES_ONE_HEAD)
    registry = Registry(discover=discover)
    registry.head("mine", "somewhere:Mine")
    assert {"lazy-dist/one", "script/mine", "projection"} <= {e.qualified_name for e in registry.list_entries("head")}


def test_discovering_again_replaces_plugins_and_keeps_components_of_scripts(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    registry.head("mine", "somewhere:Mine")
    install("again-dist", GIVES_ONE_HEAD)
    discover(registry)
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", "again-dist")
    discover(registry)
    names = {e.qualified_name for e in registry.list_entries("head")}
    assert "script/mine" in names
    assert "again-dist/one" not in names


def test_plugins_come_in_order_of_package_and_entry_point(install: Install) -> None:
    for distribution in ("zeta", "alpha", "mid"):
        install(distribution, GIVES_ONE_HEAD, module=f"order_{distribution}")
    two = "[hcl_sdk]\nz = order_alpha\na = order_mid\n"
    install("beta", GIVES_ONE_HEAD, entry_points=two)
    order = [(r.distribution, r.entry_point) for r in discover(Registry()) if r.distribution != "hcl-sdk"]
    assert order == [("alpha", "point"), ("beta", "a"), ("beta", "z"), ("mid", "point"), ("zeta", "point")]


def test_two_entry_points_of_a_package_cannot_give_one_name(install: Install) -> None:
    install("twice", GIVES_ONE_HEAD, module="of_twice", entry_points="[hcl_sdk]\na = of_twice\nb = of_twice\n")
    first, second = [r for r in discover(Registry()) if r.distribution == "twice"]
    assert (first.status, second.status) == ("ok", "broken")
    assert "head 'one' is registered twice by twice" in second.error


def test_of_a_package_that_is_there_twice_the_first_on_the_path_counts(install: Install) -> None:
    install("double", GIVES_ONE_HEAD, version="1.0", module="double_old")
    install("double", GIVES_ONE_HEAD, version="2.0", module="double_new")
    reports = [r for r in discover(Registry()) if r.distribution == "double"]
    assert [(r.version, r.value, r.status) for r in reports] == [("2.0", "double_new", "ok")]


def test_a_package_that_hides_one_with_a_plugin_gives_none(install: Install) -> None:
    install("hidden", GIVES_ONE_HEAD, version="1.0")
    install("hidden", "", version="2.0", entry_points="[console_scripts]\nx = y:z\n")
    assert "hidden" not in discover_reports()


def test_an_object_can_be_the_plugin(install: Install) -> None:
    code = """
        import hcl_sdk

        class Plugin:
            api_version = 1

            @hcl_sdk.hookimpl
            def hcl_register(self, registry):
                registry.head("one", "somewhere:One")

        plugin = Plugin()
    """
    install("object-dist", code, module="of_object", entry_points="[hcl_sdk]\npoint = of_object:plugin\n")
    assert discover_reports()["object-dist"].names == ("object-dist/one",)


def _hook(body: str) -> str:
    return f"import hcl_sdk\n@hcl_sdk.hookimpl\ndef hcl_register(registry):\n    {body}\n"


def _adds(body: str) -> str:
    return f"import hcl_sdk\n@hcl_sdk.hookimpl\ndef hcl_add_commands(commands):\n    {body}\n"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise ValueError('first\\nsecond')", "ValueError: first second"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def hcl_register(registry): ...", "no function hcl_register(registry) marked with @hcl_sdk.hookimpl"),
        ("api_version = 7\n" + _hook("..."), "api_version 7; this hcl_sdk has api_version 1"),
        ("api_version = 7\n" + _hook("..."), "update hcl_sdk"),
        ("api_version = 0\n" + _hook("..."), "api_version 0; this hcl_sdk has api_version 1: it should state one of 1"),
        ("api_version = '1'\n" + _hook("..."), "api_version '1'"),
        ("api_version = True\n" + _hook("..."), "api_version True"),
        (_hook("...").replace("(registry)", "(catalog)"), "catalog"),
        (_hook("registry.head('one', 'somewhere:One'); 1 / 0"), "ZeroDivisionError"),
        (_hook("registry.head('One', 'somewhere:One')"), "lowercase words"),
        (_hook("registry.head('one', 'a:B'); registry.head('one', 'a:C')"), "registered twice by bad-dist"),
        (_hook("registry.head('one', int)"), "expected a class derived from hcl_sdk.Head"),
        (_hook("registry.decoder('one', 'a:B')"), "no attribute 'decoder'"),
        (
            _hook("...").replace("hcl_register", "hcl_regster"),
            "unknown hook 'hcl_regster'; there are hcl_register",
        ),
        (
            _hook("...").replace("hookimpl", "hookimpl(hookwrapper=True)") + "    yield",
            "hcl_register is a wrapper",
        ),
        (_hook("...").replace("hookimpl", "hookimpl(wrapper=True)") + "    yield", "hcl_register is a wrapper"),
        (
            _adds("commands.add('one', 'a:b'); commands.add('one', 'a:c')"),
            "'one' is registered twice by bad-dist",
        ),
        (_adds("commands.add('One', 'a:b')"), "command 'One': expected a name in lowercase words"),
        (_adds("commands.add('one', print)"), "command 'one': expected 'package.module:command', got <built-in"),
        (_adds("1 / 0"), "ZeroDivisionError"),
        ("class Panic(BaseException): ...\nraise Panic('a panic of Rust')", "Panic: a panic of Rust"),
        ("import pytest\npytest.importorskip('a_module_that_does_not_exist')", "Skipped: could not import"),
        ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
        (_hook("raise GeneratorExit"), "GeneratorExit"),
        (
            "class Meta(type):\n    def __getattribute__(cls, name): raise OSError\n"
            "class Odd(Exception, metaclass=Meta): ...\nraise Odd('strange')",
            "Odd: strange",
        ),
        (
            "class Mute(Exception):\n    def __str__(self): raise SystemExit(1)\nraise Mute",
            "Mute: (its message cannot be shown: SystemExit)",
        ),
        ("from hcl_sdk.plugins import registry; registry.list_entries()", "while plugins are being discovered"),
        (
            "from hcl_sdk.plugins import registry as everybodys\neverybodys.head('oops', 'a:B')\n" + _hook("..."),
            "head 'oops' is registered as if by a script while plugins are being discovered; use the registry that",
        ),
    ],
)
def test_a_broken_plugin_is_reported_without_affecting_others(
    install: Install, monkeypatch: pytest.MonkeyPatch, code: str, error: str
) -> None:
    install("a-good-dist", GIVES_ONE_HEAD)
    install("bad-dist", code)
    install("good-dist", GIVES_ONE_HEAD)
    registry = Registry(discover=discover)
    monkeypatch.setattr(plugins, "registry", registry)
    registry.list_entries()
    reports = {r.distribution: r for r in registry.plugins}
    assert (reports["bad-dist"].status, reports["bad-dist"].names) == ("broken", ())
    assert error in reports["bad-dist"].error
    assert "\n" not in reports["bad-dist"].error
    assert (reports["a-good-dist"].status, reports["good-dist"].status) == ("ok", "ok")
    given = {e.qualified_name for e in registry.list_entries("head") if e.distribution}
    assert given == {"a-good-dist/one", "good-dist/one"}


def test_a_plugin_may_have_any_of_the_hooks_and_such_as_come_later(install: Install) -> None:
    later = "import hcl_sdk\n@hcl_sdk.hookimpl(optionalhook=True)\ndef hcl_dance(shoes):\n    1 / 0\n"
    install("a-dist", _adds("commands.add('one', 'somewhere:one', summary='One.')"))
    install("b-dist", later + _adds("commands.add('one', 'somewhere:one')"))
    registry = Registry(discover=discover)
    assert {r.distribution: (r.status, r.names, r.commands) for r in registry.plugins[1:]} == {
        "a-dist": ("ok", (), ("a-dist/one",)),
        "b-dist": ("ok", (), ("b-dist/one",)),
    }
    assert list(name_commands(registry.commands, ())) == ["a-dist/one", "b-dist/one"]
    assert list(name_commands(registry.commands[:1], ())) == ["one"]
    assert list(name_commands(registry.commands[:1], ("one",))) == ["a-dist/one"]
    assert registry.find_command("B_dist/one") == registry.commands[1]
    with pytest.raises(
        RegistryError, match="command 'one' is provided by 2 packages; write 'a-dist/one' or 'b-dist/one'"
    ):
        registry.find_command("one")


def test_an_interruption_by_the_user_is_not_taken_for_a_broken_plugin(install: Install) -> None:
    install("slow-dist", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover(Registry())


def run_in_command(work: Callable[[], None]) -> Result:
    """Run work in a command that prints a line after it."""

    @click.group(cls=PluginGroup)
    def group() -> None:
        pass

    @group.command()
    def show() -> None:
        work()
        click.echo("shown")

    return CliRunner().invoke(group, ["show"])


def test_prints_of_plugins_stay_out_of_the_output(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "print('as imported')\n" + _hook("print('as called'); registry.head('one', 'of_loud:absent')")
    install("loud-dist", code, module="of_loud")
    registry = Registry(discover=discover)

    def work() -> None:
        with pytest.raises(PluginError):
            registry.get("head", "one")

    before = sys.stdout
    result = run_in_command(work)
    assert (result.stdout, result.stderr) == ("shown\n", "as imported\nas called\n")
    assert sys.stdout is before


def test_other_writes_of_plugins_stay_out_of_the_output_too(install: Install) -> None:
    code = (
        "import sys, threading\nsys.stdout.buffer.write(b'bytes\\n'); sys.stdout.flush()\nkept = sys.stdout\n"
        "def say(): print('in a thread'); kept.write('kept\\n')\n"
        "thread = threading.Thread(target=say); thread.start(); thread.join()\n"
    )
    install("loud-dist", code + _hook("registry.head('one', 'of_louder:absent')"), module="of_louder")
    registry = Registry(discover=discover)

    def work() -> None:
        registry.list_entries()
        thread = threading.Thread(target=sys.modules["of_louder"].say)
        thread.start()
        thread.join()

    result = run_in_command(work)
    assert (result.stdout, result.stderr) == ("shown\n", "bytes\n" + "in a thread\nkept\n" * 2)


def test_a_command_of_a_plugin_may_print_in_any_thread(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import click, threading\n@click.command()\ndef tell():\n"
        "    thread = threading.Thread(target=print, args=['its own'])\n    thread.start()\n    thread.join()\n"
    )
    install("telling-dist", code + _adds("commands.add('tell', 'of_telling:tell')"), module="of_telling")
    monkeypatch.setattr(plugins, "registry", Registry(discover=discover))
    result = CliRunner().invoke(click.group(cls=PluginGroup)(lambda: None), ["tell"])
    assert (result.stdout, result.stderr) == ("its own\n", "")


def test_a_kept_argument_accepts_no_commands_later(install: Install) -> None:
    install("keeps-commands", "kept = []\n" + _adds("kept.append(commands)"), module="of_keeps_commands")
    assert discover_reports()["keeps-commands"].status == "ok"
    with pytest.raises(PluginError, match="inside the hook"):
        sys.modules["of_keeps_commands"].kept[0].add("late", "somewhere:late")


def test_a_plugin_that_fails_has_no_hooks_left(install: Install) -> None:
    save = "\n@hcl_sdk.hookimpl\ndef hcl_before_save(folder):\n    1 / 0\n"
    install("bad-dist", _hook("1 / 0") + save)
    install("good-dist", _hook("...") + save)
    registry = Registry(discover=discover)
    failures = list(registry.hooks.call_all("hcl_before_save", pipeline=None, config={}, folder=Path()))
    assert len(failures) == 1
    assert failures[0].startswith("good-dist 1.0, plugin_")


def test_a_plugin_of_an_interface_that_is_going_works_with_a_warning_until_a_date(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "SUPPORTED", {1: "2031-12-31", 2: ""})
    monkeypatch.setattr(plugins, "API_VERSION", 2)
    install("old-dist", "api_version = 1\n" + GIVES_ONE_HEAD.replace("\n    ", "\n"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = discover_reports()["old-dist"]
    assert (report.status, report.names) == ("ok", ("old-dist/one",))
    (said,) = [w for w in caught if "the plugin old-dist was" in str(w.message)]
    assert issubclass(said.category, FutureWarning)
    assert "api_version 1, which works until 2031-12-31; update old-dist" in str(said.message)


def test_a_broken_plugin_is_reported_with_the_last_line_of_its_own(install: Install) -> None:
    folder = install("bad-dist", "\n\n" + _hook("registry.head('One', 'somewhere:One')"), module="of_bad")
    assert discover_reports()["bad-dist"].error.endswith(f"({folder / 'of_bad.py'}:6)")


def test_a_module_that_does_not_exist_is_reported(install: Install) -> None:
    install("gone-dist", "", entry_points="[hcl_sdk]\npoint = a_module_that_does_not_exist\n")
    report = discover_reports()["gone-dist"]
    assert (report.status, report.value) == ("broken", "a_module_that_does_not_exist")
    assert "No module named 'a_module_that_does_not_exist'" in report.error


def test_malformed_metadata_is_reported_if_it_is_of_a_plugin(install: Install) -> None:
    install("malformed-dist", "", entry_points="[hcl_sdk]\nno equals sign\n")
    install("unrelated-dist", "", entry_points="[console_scripts]\nno equals sign\n")
    reports = discover_reports()
    assert reports["malformed-dist"].status == "broken"
    assert "cannot be read" in reports["malformed-dist"].error
    assert "unrelated-dist" not in reports


def test_undecodable_metadata_is_skipped_unless_it_is_a_plugins(install: Install) -> None:
    group, bad = b"[hcl_sdk]\npoint = somewhere\n", b"# \xff\n"
    install("foreign-dist", "", entry_points=b"[console_scripts]\n" + bad)
    install("foreign-too", "", entry_points="[console_scripts]\nx = y:z\n", metadata=b"Name: foreign-too\n" + bad)
    install("points-dist", "", entry_points=group + bad)
    install("good-dist", GIVES_ONE_HEAD)
    reports = discover_reports()
    assert set(reports) == {"points-dist", "good-dist"}
    assert (reports["points-dist"].status, reports["points-dist"].version) == ("broken", "1.0")
    assert "UnicodeDecodeError" in reports["points-dist"].error
    assert reports["good-dist"].status == "ok"


@pytest.mark.parametrize(
    ("metadata", "name", "reason"),
    [
        (b"Name: a-dist\nVersion: \xff\n", "?", "UnicodeDecodeError"),
        (b"Version: 1.0\n", "?", "METADATA has no Name"),
        (b"Name: a-dist\n", "a-dist", "METADATA has no Version"),
    ],
)
def test_a_plugin_whose_metadata_cannot_be_read_is_reported_with_its_place(
    install: Install, metadata: bytes, name: str, reason: str
) -> None:
    folder = install("a-dist", GIVES_ONE_HEAD, metadata=metadata)
    install("good-dist", GIVES_ONE_HEAD)
    reports = discover_reports()
    assert set(reports) == {name, "good-dist"}
    assert (reports[name].status, reports[name].names) == ("broken", ())
    assert str(folder) in reports[name].error
    assert reason in reports[name].error
    assert reports["good-dist"].status == "ok"


def test_no_package_can_be_called_script(install: Install) -> None:
    install("script", GIVES_ONE_HEAD)
    assert "cannot be called 'script'" in discover_reports()["script"].error


def test_a_kept_hook_argument_accepts_nothing_later(install: Install) -> None:
    install("keeps-dist", "kept = []\n" + _hook("kept.append(registry)"), module="of_keeps")
    assert discover_reports()["keeps-dist"].status == "ok"
    with pytest.raises(PluginError, match="inside the hook"):
        sys.modules["of_keeps"].kept[0].head("late", "somewhere:Late")


@pytest.mark.parametrize("value", ["one-dist", " One_Dist , absent", "*"])
def test_plugins_can_be_disabled(install: Install, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install("one-dist", "raise AssertionError('a disabled plugin was imported')")
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", value)
    monkeypatch.setenv("HCL_STRICT_PLUGINS", "1")
    report = discover_reports()["one-dist"]
    assert (report.status, report.names) == ("disabled", ())
    assert "HCL_DISABLE_PLUGINS" in report.error


def test_the_built_ins_cannot_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", "*,hcl-sdk")
    assert discover(Registry())[0].status == "ok"


def test_strictness_names_all_broken_plugins(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("bad-one", "raise ValueError('this')", version="1.1")
    install("bad-two", "raise ValueError('that')", version="2.2")
    install("good-dist", GIVES_ONE_HEAD)
    monkeypatch.setenv("HCL_STRICT_PLUGINS", "0")
    assert len(discover_reports()) == 3
    monkeypatch.setenv("HCL_STRICT_PLUGINS", "1")
    registry = Registry(discover=discover)
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.get("head", "projection")
        message = str(caught.value)
        assert "bad-one 1.1" in message
        assert "ValueError: this" in message
        assert "bad-two 2.2" in message
        assert "ValueError: that" in message
        assert "good-dist" not in message


def test_listing_imports_no_torch() -> None:
    program = "import sys; from hcl_sdk.plugins import registry; registry.list_entries(); print('torch' in sys.modules)"
    environment = {"HCL_DISABLE_PLUGINS": "*", "PYTHONPATH": str(Path(hcl_sdk.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
