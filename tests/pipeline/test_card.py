"""The model card that is saved with weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_parts import draw_stained_photo
from PIL import Image

from hcl_sdk import GatedUNet, Pipeline


@pytest.mark.parametrize("parts", ["detector", "restorer", "detector restorer"])
def test_the_code_of_the_model_card_runs(
    parts: str, tiny_pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {part: getattr(tiny_pipeline, part) for part in parts.split()}
    Pipeline(**made, device="cpu").save_pretrained(tmp_path / "weights")
    card = (tmp_path / "weights" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    photo, mask = draw_stained_photo()
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    exec(code.replace("path or org/name of these weights", "./weights"), {})
    assert any((tmp_path / "result").iterdir())
    assert ("fills" in card.lower()) == ("restorer" in parts)


def test_the_model_card_does_not_repeat_the_configuration(tmp_path: Path) -> None:
    pipeline = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
    pipeline.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "from_pretrained" in card
    assert not any(word in card for word in ("gated-unet", "multipliers", "threshold"))
