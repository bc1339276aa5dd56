"""Data sets, each on a miniature of its layout."""

from __future__ import annotations

import io
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from hcl_sdk import SampleError
from hcl_sdk.config import build, describe
from hcl_sdk.data import (
    FFHQ,
    ISTD,
    CelebAHQ,
    FolderDataset,
    HuggingFaceDataset,
    ImageNet,
    Logo30K,
    PairsDataset,
    ParisStreetView,
    Places365,
    Raindrop,
    WebDataset,
)
from hcl_sdk.data.logo_30k import STRAY


def put(path, value=0, size=(12, 8), **options):
    """A picture of one gray value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path, **options)


def put_mask(path, area=0.25, white=True, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[:, : round(size[0] * area)] = 255
    Image.fromarray(mask if white else 255 - mask).save(path)


def names(dataset):
    return [dataset.name(i) for i in range(len(dataset))]


def values(dataset):
    return [int(dataset[i].image[0, 0, 0]) for i in range(len(dataset))]


# Any folder


def test_a_folder_is_searched_in_natural_order(tmp_path):
    for i, name in enumerate(("b10.png", "b2.PNG", "a/z.bmp", "a/y/x.webp")):
        put(tmp_path / name, 10 * i)
    (tmp_path / "notes.txt").write_text("no photo")
    put(tmp_path / ".hidden" / "c.png")
    dataset = FolderDataset(path=str(tmp_path))
    assert names(dataset) == ["a/y/x.webp", "a/z.bmp", "b2.PNG", "b10.png"]
    assert values(dataset) == [30, 20, 10, 0]
    assert pickle.loads(pickle.dumps(dataset))[3].image.shape == (8, 12, 3)
    assert build(describe(dataset), "dataset").path == str(tmp_path)


def test_lists_of_names_choose(tmp_path):
    for name in ("a.png", "b.png", "c/d.png"):
        put(tmp_path / "photos" / name)
    path, names_file = str(tmp_path / "photos"), tmp_path / "names.txt"
    names_file.write_text("b.png\nc/d.png\n")
    assert names(FolderDataset(path=path, only=str(names_file))) == ["b.png", "c/d.png"]
    assert names(FolderDataset(path=path, exclude=str(names_file))) == ["a.png"]
    names_file.write_text("b.png\nx.png\n")
    with pytest.raises(ValueError, match=r"names\.txt names files that are not there: x\.png"):
        FolderDataset(path=path, only=str(names_file))
    names_file.write_text("a.png\nb.png\nc/d.png")
    with pytest.raises(ValueError, match="leave no photo"):
        FolderDataset(path=path, exclude=str(names_file))
    with pytest.raises(ValueError, match="expected a text file with names"):
        FolderDataset(path=path, only=str(tmp_path / "nowhere.txt"))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_photos_are_shrunk_while_they_are_decoded(tmp_path, suffix):
    put(tmp_path / f"large.{suffix}", 90, (400, 300))
    put(tmp_path / f"small.{suffix}", 90, (40, 30))
    shapes = [FolderDataset(path=str(tmp_path), shorter_side=60)[i].image.shape for i in range(2)]
    assert shapes == [(60, 80, 3), (30, 40, 3)]


def test_modes_and_orientation(tmp_path):
    Image.new("L", (5, 4), 7).save(tmp_path / "1.png")
    Image.new("RGBA", (5, 4), (9, 9, 9, 0)).save(tmp_path / "2.png")
    Image.new("P", (5, 4)).save(tmp_path / "3.png")
    Image.new("CMYK", (5, 4)).save(tmp_path / "4.jpg")
    Image.fromarray(np.full((4, 5), 65535, np.uint16)).save(tmp_path / "5.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    put(tmp_path / "6.jpg", 50, (5, 4), exif=exif)
    dataset = FolderDataset(path=str(tmp_path))
    assert [dataset[i].image.shape for i in range(6)] == [(4, 5, 3)] * 5 + [(5, 4, 3)]
    assert values(dataset) == [7, 9, 0, 255, 255, 50]
    assert all(dataset[i].image.flags.writeable for i in range(6))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 no picture", b"GIF89a"])
def test_what_cannot_be_decoded_says_why(tmp_path, content):
    (tmp_path / "bad.jpg").write_bytes(content)
    put(tmp_path / "whole.jpg", 3, (200, 200))
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:400])
    dataset = FolderDataset(path=str(tmp_path))
    assert len(dataset) == 3
    for i, name in enumerate(("bad.jpg", "cut.jpg")):
        with pytest.raises(SampleError, match=name):
            dataset[i]
    assert dataset[2].image[0, 0, 0] == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda p: FolderDataset(path=p),
        lambda p: FFHQ(path=p),
        lambda p: CelebAHQ(path=p),
        lambda p: ImageNet(path=p),
        lambda p: Places365(path=p),
        lambda p: ParisStreetView(path=p),
        lambda p: Logo30K(path=p),
        lambda p: ISTD(path=p),
        lambda p: Raindrop(path=p),
        lambda p: PairsDataset(damaged=p, clean=p),
        lambda p: WebDataset(path=p),
    ],
)
def test_missing_and_empty_folders_are_errors(make, tmp_path):
    with pytest.raises(ValueError, match="there is no folder|expected tar files"):
        make(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="expected"):
        make(str(tmp_path))


# Pairs


def pairs(root, white=True):
    for i, name in enumerate(("a", "b/c")):
        put(root / "damaged" / f"{name}.jpg", 10 + i)
        put(root / "clean" / f"{name}.png", 20 + i)
        put_mask(root / "masks" / f"{name}.png", white=white)
    return {"damaged": str(root / "damaged")}, {"clean": str(root / "clean")}, {"masks": str(root / "masks")}


def test_pairs_with_and_without_masks(tmp_path):
    damaged, clean, masks = pairs(tmp_path)
    both = PairsDataset(**damaged, **clean, **masks)
    assert names(both) == ["a", "b/c"]
    sample = both[1]
    assert (sample.image[0, 0, 0], sample.clean[0, 0, 0]) == (11, 21)
    assert sample.corruption_mask.mean() == 0.25
    assert sample.corruption_mask[0, 0]
    assert PairsDataset(**damaged, **clean)[0].corruption_mask is None
    assert PairsDataset(**damaged, **masks)[0].clean is None
    with pytest.raises(ValueError, match="of clean photos, of masks or both; got neither"):
        PairsDataset(**damaged)


def test_the_polarity_of_masks_is_checked(tmp_path):
    damaged, _, masks = pairs(tmp_path, white=False)
    with pytest.raises(ValueError, match=r"cover 75 % .* meant with corrupted='black'"):
        PairsDataset(**damaged, **masks)
    assert PairsDataset(**damaged, **masks, corrupted="black")[0].corruption_mask.mean() == 0.25


def test_pairs_that_do_not_match_are_named(tmp_path):
    damaged, clean, masks = pairs(tmp_path)
    put(tmp_path / "damaged" / "alone.jpg")
    put_mask(tmp_path / "masks" / "other.png")
    with pytest.raises(ValueError) as raised:
        PairsDataset(**damaged, **clean, **masks)
    for part in ("damaged without clean: alone.jpg", "damaged without masks: alone.jpg", "masks without damaged: other"):
        assert part in str(raised.value)
    put(tmp_path / "clean" / "alone.jpg")
    put(tmp_path / "clean" / "alone.png")
    with pytest.raises(ValueError, match=r"alone\.jpg and alone\.png \(clean\) have the same name"):
        PairsDataset(**damaged, **clean)


def test_parts_of_different_sizes_are_unreadable(tmp_path):
    put(tmp_path / "damaged" / "a.png", size=(12, 8))
    put(tmp_path / "clean" / "a.png", size=(12, 9))
    put_mask(tmp_path / "masks" / "a.png", size=(11, 8))
    damaged = str(tmp_path / "damaged")
    with pytest.raises(SampleError, match=r"of one size; got \[8, 12, 3\] and uint8 \[9, 12, 3\]"):
        PairsDataset(damaged=damaged, clean=str(tmp_path / "clean"))[0]
    with pytest.raises(SampleError, match=r"must be bool \[8, 12\], as its image is; got bool \[8, 11\]"):
        PairsDataset(damaged=damaged, masks=str(tmp_path / "masks"))[0]


# The published ones


def test_ffhq_is_split_by_number(tmp_path):
    for number in (0, 59_999, 60_000, 69_999):
        put(tmp_path / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png", number % 100)
    assert values(FFHQ(path=str(tmp_path))) == [0, 99]
    assert values(FFHQ(path=str(tmp_path / "images1024x1024"), split="validation")) == [0, 99]
    assert [n[-9:] for n in names(FFHQ(path=str(tmp_path), split="validation"))] == ["60000.png", "69999.png"]
    put(tmp_path / "portrait.png")
    with pytest.raises(ValueError, match=r"named by five digits, .*; got portrait\.png"):
        FFHQ(path=str(tmp_path))


def test_celeba_hq_is_split_as_celeba_is(tmp_path):
    for number in range(4):
        put(tmp_path / "CelebA-HQ-img" / f"{number}.jpg", number)
    assert len(CelebAHQ(path=str(tmp_path), split="all")) == 4
    with pytest.raises(ValueError, match=r"need list_eval_partition\.txt beside CelebA-HQ-img"):
        CelebAHQ(path=str(tmp_path))
    (tmp_path / "CelebA-HQ-to-CelebA-mapping.txt").write_text(
        "idx   orig_idx   orig_file\n0   119613   119614.jpg\n1   99094   099095.jpg\n2   7   000008.jpg\n3   8   000009.jpg\n"
    )
    (tmp_path / "list_eval_partition.txt").write_text("119614.jpg 0\n099095.jpg 1\n000008.jpg 2\n000009.jpg 0\n")
    parts = {split: names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")}
    assert parts == {"train": ["0.jpg", "3.jpg"], "validation": ["1.jpg"], "test": ["2.jpg"]}


@pytest.mark.parametrize("inside", ["", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC"])
def test_imagenet(tmp_path, inside):
    put(tmp_path / inside / "train" / "n01440764" / "n01440764_1.JPEG", 1)
    put(tmp_path / inside / "val" / "ILSVRC2012_val_00000001.JPEG", 2)
    assert names(ImageNet(path=str(tmp_path))) == ["n01440764/n01440764_1.JPEG"]
    assert values(ImageNet(path=str(tmp_path), split="validation")) == [2]


@pytest.mark.parametrize(
    ("train", "validation"),
    [("train/airfield", "val/airfield"), ("data_256/a/airfield", "val_256"), ("places365_standard/train/a", "val_large")],
)
def test_places365(tmp_path, train, validation):
    put(tmp_path / train / "1.jpg", 1)
    put(tmp_path / validation / "2.jpg", 2)
    assert values(Places365(path=str(tmp_path))) == [1]
    assert values(Places365(path=str(tmp_path), split="validation")) == [2]
    with pytest.raises(ValueError, match="one of Places365's folders test, test_large, test_256"):
        Places365(path=str(tmp_path), split="test")


def test_paris_streetview(tmp_path):
    put(tmp_path / "paris_train_original" / "48.842502_2.344968_90_-004.JPG", 1)
    put(tmp_path / "paris_eval_gt" / "001_im.png", 2)
    assert values(ParisStreetView(path=str(tmp_path))) == [1]
    assert values(ParisStreetView(path=str(tmp_path), split="test")) == [2]


def test_logo_30k_and_its_stray_files(tmp_path):
    root = tmp_path / "27kpng"
    for i, name in enumerate(("COCO_val2014_000000000042", "COCO_val2014_000000201186")):
        put(root / "natural" / f"{name}.jpg", 40 + i)
        for part in ("train_images", "val_images"):
            put(root / part / "image" / f"{name}-Burger_King_Logo-177.png", 10 + i)
            put_mask(root / part / "mask" / f"{name}-Burger_King_Logo-177.png")
            put(root / part / "wm" / f"{name}-Burger_King_Logo-177.png")
    for name in STRAY:
        put(root / "val_images" / "image" / name)
    assert len(STRAY) == 4
    for path in (tmp_path, root):
        for split in ("train", "validation"):
            dataset = Logo30K(path=str(path), split=split)
            assert values(dataset) == [10, 11]
            assert [int(dataset[i].clean.mean().round()) for i in range(2)] == [40, 41]
            assert dataset[0].corruption_mask.mean() == 0.25
    put(root / "val_images" / "image" / "another_wm.png")
    with pytest.raises(ValueError, match=r"image without mask: another_wm\.png"):
        Logo30K(path=str(root), split="validation")
    put_mask(root / "val_images" / "mask" / "another_wm.png")
    with pytest.raises(ValueError, match="no clean photo in .* for another_wm"):
        Logo30K(path=str(root), split="validation")


def test_istd(tmp_path):
    for split in ("train", "test"):
        put(tmp_path / split / f"{split}_A" / "1-1.png", 1)
        put_mask(tmp_path / split / f"{split}_B" / "1-1.png")
        put(tmp_path / split / f"{split}_C" / "1-1.png", 3)
        sample = ISTD(path=str(tmp_path), split=split)[0]
        assert (sample.image[0, 0, 0], sample.clean[0, 0, 0], sample.corruption_mask.mean()) == (1, 3, 0.25)
    put(tmp_path / "test" / "test_C" / "1-2.png", 3)
    with pytest.raises(ValueError, match=r"clean without shadow: 1-2\.png"):
        ISTD(path=str(tmp_path), split="test")


def test_raindrop(tmp_path):
    for split, suffix in (("train", "png"), ("test_a", "png"), ("test_b", "jpg")):
        for i in (10, 2):
            put(tmp_path / split / "data" / f"{i}_rain.{suffix}", i)
            put(tmp_path / split / "gt" / f"{i}_clean.{suffix}", 100 + i)
        dataset = Raindrop(path=str(tmp_path), split=split)
        assert values(dataset) == [2, 10]
        assert dataset[0].clean[0, 0, 0] == 102
        assert dataset[0].corruption_mask is None
    put(tmp_path / "train" / "preview" / "x.png")
    assert len(Raindrop(path=str(tmp_path))) == 2


# Shards


def encoded(value, mode="RGB", suffix="PNG", size=(12, 8)):
    file = io.BytesIO()
    Image.new(mode, size, value).save(file, suffix)
    return file.getvalue()


def shard(path, files):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_shards_are_read_at_any_place(tmp_path):
    shard(tmp_path / "s-0.tar", {f"{i}.png": encoded((i, i, i)) for i in range(3)} | {"0.json": b"{}", "x.cls": b"1"})
    shard(tmp_path / "s-10.tar", {"b/7.jpg": encoded((70, 70, 70), suffix="JPEG", size=(64, 48))})
    shard(tmp_path / "s-2.tar", {"5.png": encoded((50, 50, 50)), "broken.jpg": b"no picture"})
    for path in (tmp_path, tmp_path / "s-*.tar"):
        dataset = pickle.loads(pickle.dumps(WebDataset(path=str(path), shorter_side=24)))
        assert names(dataset) == ["s-0.tar/0", "s-0.tar/1", "s-0.tar/2", "s-2.tar/5", "s-2.tar/broken", "s-10.tar/b/7"]
        assert [int(dataset[i].image[0, 0, 0]) for i in (5, 0, 3, 2)] == [70, 0, 50, 2]
        assert dataset[5].image.shape == (24, 32, 3)
        with pytest.raises(SampleError, match="s-2.tar/broken"):
            dataset[4]


def test_shards_of_pairs(tmp_path):
    mask = np.zeros((8, 12), np.uint8)
    mask[:, :3] = 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    files = {"1.jpg": encoded((9, 9, 9), suffix="JPEG"), "1.mask.png": file.getvalue(), "1.clean.png": encoded((5, 5, 5))}
    shard(tmp_path / "a.tar", files)
    sample = WebDataset(path=str(tmp_path / "a.tar"))[0]
    assert (sample.image[0, 0, 0], sample.clean[0, 0, 0], sample.corruption_mask.mean()) == (9, 5, 0.25)


def test_shards_that_cannot_be_used(tmp_path):
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(ValueError, match="no uncompressed tar file, or damaged"):
        WebDataset(path=str(tmp_path))
    shard(tmp_path / "bad.tar", {"1.json": b"{}"})
    with pytest.raises(ValueError, match="expected photos"):
        WebDataset(path=str(tmp_path))


# Hugging Face


@pytest.fixture
def rows():
    datasets = pytest.importorskip("datasets")
    table = {
        "image": [{"bytes": encoded((i, i, i)), "path": None} for i in range(3)] + [{"bytes": b"bad", "path": None}],
        "truth": [{"bytes": encoded((200, 200, 200)), "path": None}] * 4,
        "hole": [{"bytes": encoded(255, "L"), "path": None}] * 4,
        "label": [1, 2, 3, 4],
    }
    picture = datasets.Image()
    features = {"image": picture, "truth": picture, "hole": picture, "label": datasets.Value("int32")}
    return datasets.Dataset.from_dict(table, features=datasets.Features(features))


def test_a_hugging_face_data_set_in_memory(rows):
    dataset = HuggingFaceDataset.wrap(rows, clean="truth", mask="hole")
    assert len(dataset) == 4
    assert (dataset[2].image[0, 0, 0], dataset[2].clean[0, 0, 0]) == (2, 200)
    assert dataset[0].corruption_mask.all()
    with pytest.raises(SampleError, match=r"train\[3\]"):
        dataset[3]
    with pytest.raises(ValueError, match="no column picture; the data set has image, truth, hole, label"):
        HuggingFaceDataset.wrap(rows, image="picture")
    with pytest.raises(ValueError, match="is empty"):
        HuggingFaceDataset.wrap(rows.select([]))
    with pytest.raises(ValueError, match="in memory"):
        build(describe(dataset), "dataset")


def test_a_hugging_face_data_set_on_the_disk(rows, tmp_path, monkeypatch):
    rows.save_to_disk(str(tmp_path / "saved"))
    dataset = HuggingFaceDataset(path=str(tmp_path / "saved"))
    assert len(dataset) == 4
    assert dataset[1].image[0, 0, 0] == 1
    assert build(describe(dataset), "dataset")[1].image[0, 0, 0] == 1
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match="cannot be loaded"):
        HuggingFaceDataset(path=str(tmp_path / "nowhere"))
