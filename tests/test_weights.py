from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import hcl_sdk
from hcl_sdk import GatedUNet, Pipeline
from hcl_sdk.config import ConfigError
from hcl_sdk.registry import UnknownNameError
from hcl_sdk.weights import WeightsError, find_weights, load_weights, read_config, save_folder

PHOTO = np.random.default_rng(0).integers(0, 256, (24, 31, 3), dtype=np.uint8)


def state(pipeline: Pipeline) -> dict[str, Tensor]:
    parts = {"detector": pipeline.detector, "restorer": pipeline.restorer}
    return {f"{k}.{name}": t for k, m in parts.items() if m is not None for name, t in m.state_dict().items()}


@pytest.fixture
def saved(tiny_pipeline: Pipeline, tmp_path: Path) -> Path:
    tiny_pipeline.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def test_a_saved_pipeline_comes_back_exactly(tiny_pipeline: Pipeline, saved: Path) -> None:
    assert sorted(p.name for p in saved.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    loaded = Pipeline.from_pretrained(saved, device="cpu")
    assert repr(loaded) == repr(tiny_pipeline)
    assert state(loaded).keys() == state(tiny_pipeline).keys()
    assert all(torch.equal(t, state(tiny_pipeline)[name]) for name, t in state(loaded).items())
    ours, theirs = tiny_pipeline(PHOTO, seed=3), loaded(PHOTO, seed=3)
    assert torch.equal(ours.confidence, theirs.confidence)
    assert np.array_equal(ours.restored, theirs.restored)


@pytest.mark.parametrize("parts", [("detector",), ("restorer",)])
def test_one_part_alone_is_saved_too(tiny_pipeline: Pipeline, tmp_path: Path, parts: tuple[str, ...]) -> None:
    alone = Pipeline(**{name: getattr(tiny_pipeline, name) for name in parts}, device="cpu")
    alone.save_pretrained(tmp_path)
    loaded = Pipeline.from_pretrained(tmp_path)
    assert (loaded.detector is None, loaded.restorer is None) == ("detector" not in parts, "restorer" not in parts)
    assert all(torch.equal(t, state(alone)[name]) for name, t in state(loaded).items())


def test_half_the_size_is_rounded_to_float16_and_loaded_as_float32(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    tiny_pipeline.save_pretrained(tmp_path, half=True)
    assert {t.dtype for t in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    loaded = state(Pipeline.from_pretrained(tmp_path))
    for name, tensor in state(tiny_pipeline).items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], tensor.half().float())


def test_a_model_card_is_written_once_and_then_somebodys_own(tiny_pipeline: Pipeline, saved: Path) -> None:
    card = (saved / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: hcl_sdk\n")
    assert "convnext" not in card  # the configuration is config.json, which is replaced when the card stays
    (saved / "README.md").write_text("mine")
    tiny_pipeline.save_pretrained(saved)
    assert (saved / "README.md").read_text() == "mine"


KILLED = """
import os, signal, sys
from hcl_sdk import GatedUNet, Pipeline

link, left = os.link, int(sys.argv[2])
def end(source, name, **options):  # which gives a file that is written a name
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    link(source, name, **options)

os.link = end
Pipeline(restorer=GatedUNet(dim=4, multipliers=(1,)), device="cpu").save_pretrained(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file has a name from the beginning")
@pytest.mark.parametrize("written", [0, 1], ids=["while the first file is written", "while the second one is"])
def test_a_process_killed_while_saving_leaves_the_old_files_whole(saved: Path, written: int) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    run = subprocess.run([sys.executable, "-c", KILLED, saved, str(written)])
    assert run.returncode == -signal.SIGKILL
    after = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert after.keys() == before.keys()
    assert sum(after[name] != before[name] for name in before) == written


def test_saving_again_replaces_the_weights_and_leaves_nothing_behind(tiny_pipeline: Pipeline, saved: Path) -> None:
    assert tiny_pipeline.restorer is not None
    with torch.no_grad():
        next(tiny_pipeline.restorer.parameters()).add_(1)
    tiny_pipeline.save_pretrained(saved)
    assert sorted(p.name for p in saved.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert all(torch.equal(t, state(tiny_pipeline)[n]) for n, t in state(Pipeline.from_pretrained(saved)).items())


def test_weights_that_share_memory_or_lie_crosswise_are_saved(tmp_path: Path) -> None:
    shared = nn.Linear(3, 3)
    crosswise = nn.Conv2d(2, 2, 3)
    crosswise.weight.data = crosswise.weight.data.to(memory_format=torch.channels_last)
    model = nn.ModuleDict({"a": shared, "b": shared, "c": crosswise})
    save_folder(tmp_path, {}, model, "", half=False)
    copy = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3), "c": nn.Conv2d(2, 2, 3)})
    load_weights(copy, tmp_path)
    assert all(torch.equal(t, model.state_dict()[name]) for name, t in copy.state_dict().items())


def test_a_component_that_is_not_registered_is_not_saved(tmp_path: Path) -> None:
    @hcl_sdk.component
    class Mine(GatedUNet):
        pass

    with pytest.raises(LookupError, match="Mine"):
        Pipeline(restorer=Mine(dim=2)).save_pretrained(tmp_path / "x")
    assert not (tmp_path / "x").exists()


# --- What is wrong with a folder -------------------------------------------------------------------------------------


def drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def only_pickle(folder: Path) -> None:
    path = folder / "model.safetensors"
    torch.save(load_file(path), folder / "pytorch_model.bin")
    path.unlink()


def replace_config_by_folder(folder: Path) -> None:
    drop_config(folder)
    (folder / "config.json").mkdir()


def replace_weights_by_folder(folder: Path) -> None:
    drop_weights(folder)
    (folder / "model.safetensors").mkdir()


def link_weights_to_themselves(folder: Path) -> None:
    drop_weights(folder)
    (folder / "model.safetensors").symlink_to("model.safetensors")


def pickle_in_disguise(folder: Path) -> None:
    path = folder / "model.safetensors"
    torch.save(load_file(path), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_config, r"holds no config\.json"),
        (drop_weights, r"holds no model\.safetensors"),
        (only_pickle, r"holds no model\.safetensors"),
        (write("config.json", b"{not json"), r"config\.json is not JSON"),
        (write("config.json", b"\xff\xfe\x00"), r"config\.json is not JSON"),
        (write("config.json", b"[" * 100_000), r"config\.json is not JSON"),
        (replace_config_by_folder, r"config\.json cannot be read: .*directory"),
        (write("config.json", b"[1]"), r"config\.json must hold a JSON object, got list"),
        (write("model.safetensors", b"\x00"), r"model\.safetensors is damaged"),
        (write("model.safetensors", b"<html>404</html>" * 9), r"model\.safetensors is damaged"),
        (truncate, r"model\.safetensors is damaged"),
        (pickle_in_disguise, r"model\.safetensors is damaged"),
        (replace_weights_by_folder, r"model\.safetensors cannot be read: .*directory"),
        (link_weights_to_themselves, r"model\.safetensors cannot be read: Too many levels of symbolic links"),
    ],
)
def test_a_damaged_folder_says_which_file(saved: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(saved)
    with pytest.raises(WeightsError, match=message) as caught:
        Pipeline.from_pretrained(saved)
    assert str(saved) in str(caught.value)


def test_weights_of_another_hash_are_refused(saved: Path, tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    path = saved / "model.safetensors"
    assert config["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    altered = bytearray(path.read_bytes())
    altered[-1] ^= 1  # the file is sound, the last weight is another
    path.write_bytes(altered)
    with pytest.raises(WeightsError, match=f"expected SHA-256 {config['sha256']}, got {'[0-9a-f]' * 64}. Copy both"):
        Pipeline.from_pretrained(saved)
    del config["sha256"]
    (saved / "config.json").write_text(json.dumps(config))
    Pipeline.from_pretrained(saved)


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], None], *, hashed: bool = True) -> None:
    """Change the tensors in a folder, as a tool that converts weights would; with the hash of the new file, or none."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    config = json.loads((folder / "config.json").read_text())
    config.pop("sha256")
    if hashed:
        config["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def test_tensors_that_do_not_fit_are_named_three_and_the_others_counted(saved: Path) -> None:
    names = sorted(load_file(saved / "model.safetensors"))
    missing, reshaped = names[0], names[7]

    def damage(tensors: dict[str, Tensor]) -> None:
        del tensors[missing]
        tensors["other"] = torch.zeros(2)
        tensors[reshaped] = torch.zeros(9, 9)

    rewrite(saved, damage)
    with pytest.raises(WeightsError) as caught:
        Pipeline.from_pretrained(saved)
    first, *lines = str(caught.value).splitlines()
    assert str(saved / "model.safetensors") in first
    assert len(lines) == 3
    assert lines[0].startswith(f"  missing: {missing} (")
    assert lines[1] == "  unexpected: other (2,)"
    assert lines[2].startswith(f"  {reshaped}: expected shape (")
    assert lines[2].endswith("got (9, 9)")

    def drop(tensors: dict[str, Tensor]) -> None:
        for name in names[1:5]:
            del tensors[name]

    rewrite(saved, drop)
    with pytest.raises(WeightsError) as caught:
        Pipeline.from_pretrained(saved)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert lines[-1] == "  and 4 more"


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int32, torch.bool, torch.complex64])
def test_weights_of_another_type_are_refused(saved: Path, dtype: torch.dtype) -> None:
    name = sorted(load_file(saved / "model.safetensors"))[0]
    rewrite(saved, lambda tensors: tensors.update({name: tensors[name].to(dtype)}), hashed=False)
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(WeightsError, match=rf"{name}: expected float16 or bfloat16 or float32 or float64, got {kind}$"):
        Pipeline.from_pretrained(saved)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_floating_type_are_loaded_as_float32(
    saved: Path, tiny_pipeline: Pipeline, dtype: torch.dtype
) -> None:
    rewrite(saved, lambda tensors: tensors.update({name: t.to(dtype) for name, t in tensors.items()}))
    for name, tensor in state(Pipeline.from_pretrained(saved, device="cpu")).items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state(tiny_pipeline)[name].to(dtype).float())


def test_weights_beyond_the_range_of_float32_are_refused(saved: Path) -> None:
    name = sorted(load_file(saved / "model.safetensors"))[0]
    rewrite(saved, lambda tensors: tensors.update({name: torch.full_like(tensors[name], 1e300, dtype=torch.float64)}))
    with pytest.raises(WeightsError, match=f"values that overflow in {name}"):
        Pipeline.from_pretrained(saved)


def test_counters_stay_integers_in_weights(tmp_path: Path) -> None:
    model = nn.BatchNorm2d(3)  # has a counter, an integer
    model.num_batches_tracked = torch.tensor(5)
    save_folder(tmp_path, {}, model, "", half=True)
    loaded = nn.BatchNorm2d(3)
    load_weights(loaded, tmp_path)
    assert loaded.num_batches_tracked == 5
    rewrite(tmp_path, lambda tensors: tensors.update(num_batches_tracked=torch.tensor(5.5)))
    with pytest.raises(WeightsError, match="num_batches_tracked: expected int64, got float32"):
        load_weights(loaded, tmp_path)


def test_another_file_is_told_by_its_hash_before_its_tensors_are_looked_at(saved: Path) -> None:
    save_file({"other": torch.zeros(1)}, saved / "model.safetensors")
    with pytest.raises(WeightsError, match="expected SHA-256"):
        Pipeline.from_pretrained(saved)


def test_weights_of_another_version_say_so(saved: Path) -> None:
    config = read_config(saved)
    config.update(format=2, new_in_two=True)
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"expected format 1, got 2: another version of hcl_sdk") as caught:
        Pipeline.from_pretrained(saved)
    assert str(saved / "config.json") in str(caught.value)


def test_a_wrong_configuration_is_an_error_of_the_configuration(saved: Path) -> None:
    config = read_config(saved)
    config["restorer"]["use"] = "somebody/deep-fill"
    config["treshold"] = 0.5
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_pretrained(saved)
    assert "restorer.use" in str(caught.value)
    assert "threshold" in str(caught.value)


def test_nothing_is_unpickled(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("unpickled")

    monkeypatch.setattr(torch, "load", refuse)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    Pipeline.from_pretrained(saved)


# --- Where weights are -----------------------------------------------------------------------------------------------


class Hub:
    """Stands in for the Hugging Face Hub: hands out one folder, takes uploads, and notes what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.uploaded = folder, [], {}

    def snapshot_download(self, repo_id: str, **options: Any) -> str:
        self.asked.append((repo_id, options))
        if repo_id == "org/missing":
            raise OSError("404 Client Error")
        return str(self.folder)

    def api(self, token: str | None = None) -> Any:
        self.token = token
        return self

    def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> Any:
        self.created = repo_id, private, exist_ok
        return SimpleNamespace(repo_id=f"somebody/{repo_id}" if "/" not in repo_id else repo_id)

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> str:
        self.repo_id, self.message = repo_id, commit_message
        self.uploaded = {p.name: p.read_bytes() for p in folder_path.iterdir()}
        return f"https://hub/{repo_id}/commit/1"


@pytest.fixture
def hub(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    fake = Hub(saved)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    monkeypatch.setattr(huggingface_hub, "HfApi", fake.api)
    return fake


class Names:
    """Stands in for the registry."""

    def __init__(self, **sources: Path | str) -> None:
        self.sources = {name.replace("__", "/"): source for name, source in sources.items()}

    def find_weights_source(self, name: str) -> Path | str:
        if name not in self.sources:
            raise UnknownNameError(f"there are no weights {name!r}")
        return self.sources[name]


def test_weights_come_from_the_hub(hub: Hub, tiny_pipeline: Pipeline) -> None:
    loaded = Pipeline.from_pretrained("org/name", revision="v1", device="cpu")
    [(repo, options)] = hub.asked
    assert repo == "org/name"
    assert options["revision"] == "v1"
    assert sorted(options["allow_patterns"]) == ["README.md", "config.json", "model.safetensors"]
    assert all(torch.equal(t, state(tiny_pipeline)[name]) for name, t in state(loaded).items())


def test_a_directory_comes_first_then_a_registered_name_then_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registered = tmp_path / "elsewhere"
    monkeypatch.setattr("hcl_sdk.weights.registry", Names(org__name=registered, far="hub:org/far"))
    assert find_weights("org/name") == registered
    assert find_weights("hub:org/name") == hub.folder
    assert find_weights("far") == hub.folder
    assert find_weights("org/other") == hub.folder
    assert [repo for repo, _ in hub.asked] == ["org/name", "org/far", "org/other"]
    (tmp_path / "org/name").mkdir(parents=True)
    assert find_weights("org/name") == Path("org/name")
    (tmp_path / "far").mkdir()
    assert find_weights("far") == hub.folder  # a folder that only has the same name
    assert find_weights("./far") == find_weights(Path("far")) == Path("far")
    (tmp_path / "far/config.json").touch()
    assert find_weights("far") == Path("far")
    assert find_weights("hub:org/name") == hub.folder
    assert len(hub.asked) == 5


def test_a_folder_called_default_does_not_hide_the_default_weights(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hcl_sdk.weights.registry", Names(default=saved))
    (tmp_path / "default").mkdir()
    assert Pipeline.from_pretrained().detector is not None
    with pytest.raises(WeightsError, match=r"default holds no config\.json"):
        Pipeline.from_pretrained(tmp_path / "default")


def test_a_folder_without_a_configuration_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(WeightsError, match=r"the folder 'mine' holds no config\.json, and unknown weights 'mine'"):
        find_weights("mine")


def test_the_home_folder_can_be_written_short(
    tiny_pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    tiny_pipeline.save_pretrained(tmp_path / "mine")
    assert find_weights("~/mine") == find_weights(Path("~/mine")) == tmp_path / "mine"


def test_the_weights_in_the_package_are_as_small_as_promised() -> None:
    folder = find_weights("default")
    assert (folder / "model.safetensors").stat().st_size < 16e6
    tensors = load_file(folder / "model.safetensors").values()
    assert {t.dtype for t in tensors if t.is_floating_point()} == {torch.float16}
    pipeline = Pipeline.from_pretrained("default", device="cpu")
    parts = [part for part in (pipeline.detector, pipeline.restorer) if part is not None]
    assert len(parts) == 2
    assert sum(p.numel() for part in parts for p in part.parameters()) < 8e6


def test_weights_of_an_older_version_still_load(tmp_path: Path) -> None:
    """Configuration and names of tensors of the default weights of 28 November 2026."""
    kept = Path(__file__).parent / "vintage_weights"
    shapes: dict[str, list[Any]] = json.loads((kept / "tensors.json").read_text(encoding="utf-8"))
    dtypes = {"F16": torch.float16, "I64": torch.int64}
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: (0.1 * torch.rand(shape, generator=generator)).to(dtypes[dtype])
        for name, (dtype, *shape) in shapes.items()
    }
    save_file(tensors, tmp_path / "model.safetensors")
    config = json.loads((kept / "config.json").read_text(encoding="utf-8"))
    del config["sha256"]  # of the file that is not kept
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    pipeline = Pipeline.from_pretrained(tmp_path, device="cpu")
    assert pipeline.detector is not None
    assert (pipeline.detection_size, pipeline.peak_threshold) == (256, 0.985)
    loaded = pipeline.detector.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("detector."):
            assert torch.equal(loaded[name.removeprefix("detector.")].to(tensor.dtype), tensor), name
    result = pipeline(PHOTO)
    assert result.restored.shape == PHOTO.shape


@pytest.mark.parametrize("name", ["./org/name", "../name", "/org/name", "~/name", Path("org/name")])
def test_a_missing_path_is_not_taken_for_a_name(hub: Hub, name: str | Path) -> None:
    with pytest.raises(WeightsError, match=f"^no such folder: {name}$"):
        find_weights(name)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["odd.png", "in/odd.png", "./odd.png"])
def test_a_file_is_not_accepted_as_a_folder_of_weights(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path(name).touch()
    with pytest.raises(WeightsError, match=f"^{name} is a file; expected a folder written by save_pretrained"):
        find_weights(name)
    assert hub.asked == []


def test_nothing_is_to_be_installed_for_weights(hub: Hub) -> None:
    with pytest.raises(WeightsError, match="from the Hugging Face Hub") as caught:
        find_weights("org/missing")
    assert "unknown weights" in str(caught.value)
    assert "package" not in str(caught.value)
    assert "pip" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "a/b/c"])
def test_invalid_repository_names_are_not_looked_up_on_the_hub(hub: Hub, name: str) -> None:
    with pytest.raises(WeightsError, match=r"expected a directory, the name of registered weights or org/name"):
        find_weights(name)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["org/missing", "hub:org/missing"])
def test_a_failed_download_says_why(hub: Hub, name: str) -> None:
    with pytest.raises(WeightsError, match=r"'org/missing' from the Hugging Face Hub: 404 Client Error"):
        find_weights(name)


def test_an_upload_holds_the_saved_files(hub: Hub, tiny_pipeline: Pipeline) -> None:
    address = tiny_pipeline.push_to_hub("name", private=True, token="secret", commit_message="first")
    assert address == "https://hub/somebody/name/commit/1"
    assert hub.token == "secret"
    assert hub.created == ("name", True, True)
    assert (hub.repo_id, hub.message) == ("somebody/name", "first")
    assert hub.uploaded == {path.name: path.read_bytes() for path in hub.folder.iterdir()}


def test_weights_beyond_the_range_of_half_precision_are_refused(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    with torch.no_grad():
        next(tiny_pipeline.restorer.parameters()).fill_(1e5)
    with pytest.raises(WeightsError, match=r"restorer.*\bhalf=False|half=False.*restorer"):
        tiny_pipeline.save_pretrained(tmp_path / "w", half=True)
    assert not (tmp_path / "w" / "model.safetensors").exists()


def test_weights_that_are_not_numbers_are_refused(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    with torch.no_grad():
        next(tiny_pipeline.detector.parameters()).fill_(math.nan)
    tiny_pipeline.save_pretrained(tmp_path / "w")
    with pytest.raises(WeightsError, match=r"NaN, infinity or values that overflow in detector\."):
        Pipeline.from_pretrained(tmp_path / "w")


# Configurations from strangers


def configure_encoder(**encoder: object) -> dict[str, object]:
    """The configuration of a detector with another encoder than the weights beside it have."""
    return {
        "detector": {
            "encoder": {"use": "convnext", "channels": [6, 8, 10], "depths": [1, 1, 1], "kernel_size": 3} | encoder,
            "interaction": "top-down",
            "head": {"use": "projection", "dim": 6},
            "clusterer": {"use": "soft-kmeans", "one_class": False},
        },
        "restorer": {"use": "gated-unet", "dim": 4, "multipliers": [1, 2]},
    }


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (configure_encoder(channels=[6, 10**6, 10**6]), r"expected shape \(1000000, "),
        (configure_encoder(channels=[6, 8, 10**12]), r"does not fit its configuration"),
        (configure_encoder(depths=[1, 10**9, 1]), r"holds \d+ tensors, and the configuration asks for more than \d+"),
        (configure_encoder(use="swin", channels=1, depths=[10**9] * 3), r"config"),
        (configure_encoder() | {"dilate": 10**400}, r"dilate"),
        (configure_encoder() | {"detection_size": 10**400}, r"detection_size"),
    ],
)
def test_sizes_are_compared_with_the_weights_before_memory_is_allocated(
    saved: Path, config: dict[str, object], message: str
) -> None:
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises((WeightsError, ConfigError), match=message):
        Pipeline.from_pretrained(saved, device="cpu")


def test_the_same_configuration_with_the_right_sizes_is_loaded(saved: Path) -> None:
    (saved / "config.json").write_text(json.dumps(configure_encoder()))
    assert Pipeline.from_pretrained(saved, device="cpu").restorer is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "is not JSON"),
        ('{"dilate": ' + "9" * 5000 + "}", "is not JSON"),
        (" " * 10_000_001, "has 10,000,001 bytes; expected at most 10,000,000"),
    ],
)
def test_a_configuration_beyond_all_bounds_is_refused(saved: Path, content: str, message: str) -> None:
    (saved / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=message):
        Pipeline.from_pretrained(saved, device="cpu")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_only_regular_files_are_read(saved: Path, name: str) -> None:
    (saved / name).unlink()
    os.mkfifo(saved / name)
    with pytest.raises(WeightsError, match=f"{name} is not a regular file"):
        Pipeline.from_pretrained(saved, device="cpu")


@pytest.mark.parametrize("field", ["iterations", "repeats"])
def test_a_configuration_cannot_demand_endless_work(saved: Path, field: str) -> None:
    config = json.loads((saved / "config.json").read_text())
    config["detector"]["clusterer"][field] = 10**9
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=rf"detector\.clusterer\.{field}: '{field}' must be <= 100: 1000000000"):
        Pipeline.from_pretrained(saved, device="cpu")


def test_a_pipe_is_not_accepted_as_a_folder_of_weights(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match=r"pipe is not a folder; expected one written by save_pretrained"):
        Pipeline.from_pretrained(tmp_path / "pipe", device="cpu")


def test_registrations_are_counted_no_longer_once_sizes_are_compared(saved: Path) -> None:
    Pipeline.from_pretrained(saved, device="cpu")
    assert not torch.nn.modules.module._global_parameter_registration_hooks


@pytest.mark.parametrize("name", ["x" * 5000, Path("x" * 5000), "./" + "x" * 5000, "x" * 300 + "/y/z", "a\0b"])
def test_impossible_file_names_are_refused(name: Any) -> None:
    with pytest.raises(WeightsError):
        Pipeline.from_pretrained(name)
