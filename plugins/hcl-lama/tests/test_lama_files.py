"""Which files are loaded, and which are not; nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import warnings
from pathlib import Path
from typing import Any, Never

import pytest
import torch
from hcl_lama import files, trust, trusted
from hcl_lama.example import write_example
from hcl_lama.restorer import LaMa

from hcl_sdk import Detection, Pipeline
from hcl_sdk.config import ConfigError
from hcl_sdk.plugins import registry


@pytest.fixture
def file(tmp_path: Path) -> tuple[Path, str]:
    """A network, and its hash."""
    return tmp_path / "big-lama.pt", write_example(tmp_path / "big-lama.pt")


@pytest.fixture(autouse=True)
def nothing_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusted, "_trusted", set())
    monkeypatch.delenv(trusted.VARIABLE, raising=False)


@pytest.fixture
def no_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("the file was loaded"))


def test_an_unknown_file_is_not_loaded_and_the_error_says_its_hash(file: tuple[Path, str], no_code_runs: None) -> None:
    path, sha256 = file
    with pytest.raises(ValueError, match=rf"big-lama.pt' is not known to be LaMa .* hcl_lama.trust\('{sha256}'\)"):
        LaMa(weights=str(path))


def test_a_file_with_another_hash_than_the_given_one_is_not_loaded(file: tuple[Path, str], no_code_runs: None) -> None:
    path, sha256 = file
    with pytest.raises(ValueError, match=f"expected SHA-256 {'0' * 64}, got {sha256}"):
        LaMa(weights=str(path), sha256="0" * 64)


def test_a_known_file_is_loaded_and_its_hash_becomes_part_of_the_configuration(
    file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sha256 = file
    monkeypatch.setitem(files.KNOWN, sha256, "for this test")
    assert LaMa(weights=str(path)).sha256 == sha256


def test_a_configuration_cannot_vouch_for_a_file(file: tuple[Path, str], no_code_runs: None) -> None:
    path, sha256 = file
    config = {"restorer": {"use": "hcl-lama/lama", "weights": str(path), "sha256": sha256}}
    with pytest.raises(ConfigError, match=f"no configuration can vouch for it.* HCL_LAMA_TRUST={sha256}"):
        Pipeline.from_config(config)


@pytest.mark.parametrize("named", ["{}", "{} ", "0{}, {}"])
def test_the_environment_can(file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    path, sha256 = file
    monkeypatch.setenv(trusted.VARIABLE, named.replace("0{}", "0" * 64).format(sha256.upper()))
    assert LaMa(weights=str(path)).sha256 == sha256


def test_trust_in_invalid_hashes_is_refused(file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="expected a SHA-256, 64 hexadecimal digits; got 'all'"):
        trust("all")
    monkeypatch.setenv(trusted.VARIABLE, "*")
    with pytest.raises(ValueError, match=r"HCL_LAMA_TRUST: expected a SHA-256, 64 hexadecimal digits; got '\*'"):
        LaMa(weights=str(file[0]))


def test_the_hashed_bytes_are_the_loaded_ones(file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is exchanged between the two must not get through."""
    path, sha256 = file
    real = hashlib.sha256

    def exchange(content: Any) -> Any:
        path.write_bytes(b"something else")
        return real(content)

    trust(sha256)
    monkeypatch.setattr(hashlib, "sha256", exchange)
    LaMa(weights=str(path))


@pytest.mark.parametrize("sha256", ["", "abc", "G" * 64, "A" * 64, "0" * 65])
def test_invalid_hashes_are_refused(file: tuple[Path, str], sha256: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        LaMa(weights=str(file[0]), sha256=sha256)


@pytest.mark.parametrize("content", [b"", b"no archive", "state dict"])
def test_a_file_other_than_torchscript_gives_one_clear_error(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "other.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save({"weight": torch.zeros(2)}, path)
    trust(hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match=r"other\.pt' is damaged or not TorchScript") as caught:
        LaMa(weights=str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_clear_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.pt", tmp_path):
        with pytest.raises(ValueError, match=r"expected LaMa's TorchScript file \(big-lama.pt\), or 'download'"):
            LaMa(weights=str(path))


def test_a_network_with_another_interface_is_a_clear_error(tmp_path: Path) -> None:
    class Halved(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return image[:, :, ::2]

    path = tmp_path / "halved.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(Halved(), (torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16))), path)
    trust(hashlib.sha256(path.read_bytes()).hexdigest())
    restorer = LaMa(weights=str(path))
    mask = torch.ones(1, 1, 16, 16, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"halved.pt' is not LaMa: .* \[1, 3, 16, 16\] it returns \[1, 3, 8, 16\]"):
        restorer(torch.rand(1, 3, 16, 16), Detection.from_mask(mask))


def test_loading_leaves_the_filters_of_warnings_alone(file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    path, sha256 = file
    real, before, seen = torch.jit.load, list(warnings.filters), []

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.append(list(warnings.filters))
        return real(*arguments, **options)

    trust(sha256)
    monkeypatch.setattr(torch.jit, "load", spy)
    LaMa(weights=str(path))
    assert seen == [before]
    assert warnings.filters == before


@pytest.fixture
def downloads(file: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was downloaded, by a stand-in for ``torch.hub`` that checks hashes as it does."""
    path, sha256 = file
    asked: list[str] = []

    def download(url: str, destination: str, hash_prefix: str) -> None:
        asked.append(url)
        assert hash_prefix == files.PINNED
        with open(destination, "wb") as written:
            written.write(path.read_bytes())

    monkeypatch.setattr(files, "PINNED", sha256)
    monkeypatch.setattr(files, "KNOWN", {sha256: "for this test"})
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return asked


def test_a_download_is_checked_and_kept(file: tuple[Path, str], downloads: list[str]) -> None:
    for _ in range(2):
        assert LaMa().sha256 == file[1]
    assert downloads == [files.ADDRESS]


def test_a_kept_download_that_was_changed_is_not_loaded(
    downloads: list[str], tmp_path: Path, no_code_runs: None
) -> None:
    kept = tmp_path / "hub" / "checkpoints" / f"big-lama-{files.PINNED[:8]}.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"changed")
    with pytest.raises(ValueError, match=f"is not the requested file: expected SHA-256 {files.PINNED}"):
        LaMa()
    assert downloads == []


def test_a_hash_other_than_the_known_one_is_refused_before_the_download(downloads: list[str]) -> None:
    with pytest.raises(ValueError, match=f"has SHA-256 {files.PINNED}, not {'0' * 64}"):
        LaMa(sha256="0" * 64)
    assert downloads == []


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), RuntimeError("invalid hash value")])
def test_a_failed_download_gives_the_reason_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> Never:
        raise error

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(ValueError, match=r"LaMa cannot be downloaded: .*(no route|invalid hash).* as 'weights'"):
        LaMa()


def test_a_saved_pipeline_holds_the_place_and_the_hash_and_loads_where_the_file_is(
    file: tuple[Path, str], tmp_path: Path
) -> None:
    path, sha256 = file
    trust(sha256)
    pipeline = Pipeline(restorer=LaMa(weights=str(path)), device="cpu")
    pipeline.save_pretrained(tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["restorer"] == {
        "use": "hcl-lama/lama",
        "weights": str(path),
        "sha256": sha256,
        "max_size": 1280,
    }
    assert (tmp_path / "saved" / "model.safetensors").stat().st_size < 200 < path.stat().st_size
    again = Pipeline.from_pretrained(tmp_path / "saved", device="cpu")
    photo, mask = torch.rand(3, 40, 50), torch.zeros(40, 50, dtype=torch.bool)
    mask[10:20, 10:30] = True
    results = [p.restore(photo, corruption_mask=mask).restored for p in (pipeline, again)]
    assert (results[0] == results[1]).all()

    path.rename(tmp_path / "moved.pt")
    with pytest.raises(ConfigError, match=r"restorer: .*there is no file .*big-lama.pt.* name it in 'weights'"):
        Pipeline.from_pretrained(tmp_path / "saved")
    config["restorer"]["weights"] = str(tmp_path / "moved.pt")
    (tmp_path / "saved" / "config.json").write_text(json.dumps(config))
    Pipeline.from_pretrained(tmp_path / "saved")
    (tmp_path / "moved.pt").write_bytes(b"another one")
    with pytest.raises(ConfigError, match=r"restorer: .* is not the requested file"):
        Pipeline.from_pretrained(tmp_path / "saved")


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-lama"]
    assert (report.status, report.error, report.names) == ("ok", "", ("hcl-lama/lama",))
    assert registry.get("restorer", "lama") is LaMa
