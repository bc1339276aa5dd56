"""The losses of restoration against slow references: loops over images and pixels, and gradients by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import AdversarialLoss, Detector, GatedUNet, Pipeline, ResNetEncoder, RestorationLoss, component
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.layers import vgg
from hcl_sdk.losses import HingeLoss, L1Loss, MultiscaleL1Loss, PerceptualLoss, WassersteinLoss
from hcl_sdk.losses.patch_adversarial import PatchAdversarialLoss

NARROW = (4, 6, 6)

Batch = tuple[Tensor, Tensor, Tensor]


def batch(height: int = 21, width: int = 34, images: int = 3, seed: int = 0) -> Batch:
    """Restored and true images and masks; of several images the first has no hole, the second is all hole."""
    generator = torch.Generator().manual_seed(seed)
    restored, target = torch.rand(2, images, 3, height, width, generator=generator)
    mask = torch.rand(images, 1, height, width, generator=generator) < 0.4
    if images > 2:
        mask[0], mask[1] = False, True
    return restored, target, mask


def encoder() -> ResNetEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return ResNetEncoder(channels=(4, 6), depths=(1, 0))


def make(name: str) -> RestorationLoss:
    """One loss of each class, small, with weights drawn for a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return {
            "l1": L1Loss,
            "l1 in holes": lambda: L1Loss(hole=6.0),
            "multiscale-l1": MultiscaleL1Loss,
            "perceptual": lambda: PerceptualLoss(encoder=encoder(), weights="own"),
            "wasserstein": lambda: WassersteinLoss(channels=NARROW),
            "hinge": lambda: HingeLoss(channels=NARROW),
        }[name]()


EACH = pytest.mark.parametrize(
    "loss", ["l1", "l1 in holes", "multiscale-l1", "perceptual", "wasserstein", "hinge"], indirect=True
)
ADVERSARIAL = pytest.mark.parametrize("loss", ["wasserstein", "hinge"], indirect=True)


@pytest.fixture
def loss(request: pytest.FixtureRequest) -> RestorationLoss:
    """In evaluation mode, so that the estimates of a discriminator's norms stay as they are between calls."""
    return make(request.param).eval()


# --- What holds for all ----------------------------------------------------------------------------------------------


@EACH
def test_autocast_and_low_precision_change_nothing_but_the_input(loss: RestorationLoss) -> None:
    restored, target, mask = batch()
    low = restored.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        values = [loss(low, target, mask)]
        if isinstance(loss, AdversarialLoss):
            values.append(loss.discriminator_loss(low, target, mask, seed=3))
    expected = [loss(low.float(), target, mask)]
    if isinstance(loss, AdversarialLoss):
        expected.append(loss.discriminator_loss(low.float(), target, mask, seed=3))
    assert all(value.dtype == torch.float32 for value in values)
    assert torch.equal(torch.stack(values), torch.stack(expected))


@pytest.mark.parametrize(
    "spelled",
    [
        {"use": "l1", "weight": 0.1, "hole": 6.0},
        {"use": "multiscale-l1", "weight": 1.0, "known": 0.1, "gradient": 0.0, "coarse": 0.5, "squares": [8]},
        {"use": "wasserstein", "weight": 1.0, "lr": 1e-4, "channels": [2, 2], "penalty": 5.0},
        {"use": "hinge", "weight": 0.5, "lr": 2e-4, "channels": [2]},
        {
            "use": "perceptual",
            "weight": 0.5,
            "layers": ["relu2_2", "relu3_2"],
            "encoder": {"use": "resnet", "channels": [2], "depths": [0], "residuals": False},
            "weights": "own",
        },
    ],
    ids=lambda spelled: spelled["use"],
)
def test_a_loss_is_spelled_in_a_configuration(spelled: dict[str, object]) -> None:
    assert describe(build(spelled, "loss")) == spelled


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (L1Loss, {"weight": -1.0}),
        (L1Loss, {"hole": -0.5}),
        (MultiscaleL1Loss, {"squares": (1,)}),
        (MultiscaleL1Loss, {"known": -0.1}),
        (PerceptualLoss, {"layers": (), "weights": "x"}),
        (PerceptualLoss, {"layers": ("relu6_1",), "weights": "x"}),
        (WassersteinLoss, {"lr": 0.0}),
        (WassersteinLoss, {"penalty": -1.0}),
        (HingeLoss, {"channels": ()}),
        (HingeLoss, {"channels": (4, 0)}),
    ],
)
def test_values_out_of_range_are_refused(made: type[RestorationLoss], fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        made(**fields)


# --- Pixels ----------------------------------------------------------------------------------------------------------


def slow_l1(restored: np.ndarray, target: np.ndarray, mask: np.ndarray, hole: float) -> float:
    losses = []
    for b in range(len(restored)):
        total = weights = 0.0
        for y, x in np.ndindex(mask.shape[2:]):
            factor = hole if mask[b, 0, y, x] else 1.0
            # Of values in [-1, 1], as published.
            difference = np.abs((2 * restored[b, :, y, x] - 1) - (2 * target[b, :, y, x] - 1)).mean()
            total, weights = total + factor * difference, weights + factor
        losses.append(total / weights)
    return float(np.mean(losses))


def slow_multiscale(
    restored: np.ndarray, target: np.ndarray, mask: np.ndarray, known: float, gradient: float, squares: dict[int, float]
) -> float:
    """Loops over pixels, pairs of neighbors and squares, image by image."""
    losses = []
    for r, t, (m,) in zip(restored, target, mask, strict=True):
        loss, composited = 0.0, np.where(m, r, t)
        height, width = m.shape
        if m.any():
            factors = np.where(m, 1 + known, known)
            loss += sum(factors[p] * np.abs(r[:, *p] - t[:, *p]).mean() for p in np.ndindex(m.shape)) / factors.sum()
        for dy, dx in ((1, 0), (0, 1)):
            pairs = [((y, x), (y + dy, x + dx)) for y in range(height - dy) for x in range(width - dx)]
            pairs = [(p, q) for p, q in pairs if m[p] or m[q]]
            steps = [np.abs((composited[:, *q] - composited[:, *p]) - (t[:, *q] - t[:, *p])).mean() for p, q in pairs]
            loss += gradient * float(np.mean(steps)) if steps else 0.0
        for side, weight in squares.items():
            found = shares = 0.0
            for y in range(0, height, side):
                for x in range(0, width, side):
                    part = np.s_[..., y : y + side, x : x + side]
                    found += np.abs(composited[part].mean(axis=(1, 2)) - t[part].mean(axis=(1, 2))).mean()
                    shares += m[part].mean()
            loss += weight * found / shares if shares else 0.0
        losses.append(loss)
    return float(np.mean(losses))


SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(size=SIZES, hole=st.sampled_from([0.5, 1.0, 6.0]), seed=st.integers(0, 100))
@settings(max_examples=15)
def test_l1_is_the_weighted_mean_of_absolute_differences(size: tuple[int, int], hole: float, seed: int) -> None:
    made = batch(*size, seed=seed)
    expected = slow_l1(*(tensor.double().numpy() for tensor in made), hole=hole)
    assert L1Loss(hole=hole)(*made).item() == pytest.approx(expected, abs=1e-5)


def test_l1_may_look_at_one_side_of_the_mask_only() -> None:
    restored, target, mask = batch()
    outside = L1Loss(hole=0.0)(restored, target, mask)
    again = L1Loss(hole=0.0)(torch.where(mask, torch.rand_like(target), restored), target, mask)
    assert torch.equal(outside, again)


@given(
    size=SIZES, seed=st.integers(0, 100), known=st.sampled_from([0.0, 0.05, 1.0]), gradient=st.sampled_from([0, 0.7])
)
@settings(max_examples=15)
def test_multiscale_l1_matches_a_plain_loop(size: tuple[int, int], seed: int, known: float, gradient: float) -> None:
    made = batch(*size, seed=seed)
    restored, target, mask = (tensor.numpy() for tensor in made)
    expected = slow_multiscale(restored, target, mask, known, gradient, {3: 0.4, 16: 0.4})
    ours = MultiscaleL1Loss(known=known, gradient=gradient, coarse=0.4, squares=(3, 16))(*made)
    assert ours.item() == pytest.approx(expected, abs=1e-5)


def test_multiscale_l1_sees_a_seam_and_a_wrong_color_where_l1_sees_the_same() -> None:
    target, mask = torch.full((1, 3, 32, 32), 0.5), torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[..., 8:24, 8:24] = True
    checkers = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1
    flat, fine = target + 0.1 * mask, target + 0.1 * mask * checkers
    pixels, coarse, seams = (MultiscaleL1Loss(gradient=g, coarse=c) for g, c in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0)))
    assert torch.allclose(pixels(flat, target, mask), pixels(fine, target, mask), atol=1e-6)
    assert coarse(flat, target, mask) > 2 * coarse(fine, target, mask)
    assert seams(flat, target, mask) > pixels(flat, target, mask)
    smooth = target + 0.1 * torch.ones_like(target) * mask[:, :, 8:24, 8:24].all()  # off everywhere: no step inside
    outside_wrong = torch.where(mask, target, smooth)
    assert seams(outside_wrong, target, mask) == pixels(outside_wrong, target, mask)  # what is known is put back


# --- Features --------------------------------------------------------------------------------------------------------


def vgg_file(folder: Path, divisor: int = 8) -> str:
    generator = torch.Generator().manual_seed(5)
    state = {}
    for position, before, after in vgg._list_convolutions():
        scale = (2 / (9 * before)) ** 0.5
        state[f"features.{position}.weight"] = torch.randn(after, before, 3, 3, generator=generator) * scale
        state[f"features.{position}.bias"] = torch.randn(after, generator=generator) * 0.1
    torch.save(state, folder / "vgg19.pth")
    return str(folder / "vgg19.pth")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with a VGG-19 of an eighth of its width."""
    monkeypatch.setattr(vgg, "CHANNELS", tuple(channels // 8 for channels in vgg.CHANNELS))
    return vgg_file(tmp_path)


@pytest.mark.parametrize("layers", [("relu2_2", "relu3_2"), ("relu4_2", "relu5_2")])
def test_perceptual_is_the_sum_over_layers_of_mean_absolute_differences(weights: str, layers: tuple[str, ...]) -> None:
    restored, target, mask = batch(32, 48)
    loss = PerceptualLoss(layers=layers, weights=weights)
    features = vgg.load_vgg19(layers, weights)
    expected = 0.0
    for a, b in zip(features(restored), features(target), strict=True):
        expected += np.abs(a.detach().double().numpy() - b.detach().double().numpy()).mean()
    assert loss(restored, target, mask).item() == pytest.approx(expected, rel=1e-5)
    assert loss(target, target, mask) == 0


def test_perceptual_with_an_encoder_compares_all_of_its_scales() -> None:
    restored, target, mask = batch()
    reference = encoder().eval()
    maps = zip(reference(restored).maps, reference(target).maps, strict=True)
    expected = sum(np.abs(a.detach().numpy() - b.detach().numpy()).mean() for a, b in maps)
    loss = PerceptualLoss(encoder=encoder(), weights="own")
    assert loss(restored, target, mask).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("of", ["vgg", "encoder"])
def test_the_network_of_perceptual_is_frozen_and_the_restored_image_is_not(weights: str, of: str) -> None:
    loss = PerceptualLoss(weights=weights) if of == "vgg" else PerceptualLoss(encoder=encoder(), weights="own")
    before = {name: tensor.clone() for name, tensor in loss.state_dict().items()}
    restored, target, mask = batch()
    nn.ModuleDict({"loss": loss}).train()
    loss(restored.requires_grad_(), target.requires_grad_(), mask).backward()
    assert restored.grad is not None
    assert restored.grad.abs().max() > 0
    assert target.grad is None
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    assert loss.training
    assert not any(module.training for module in loss.modules() if module is not loss)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loss.state_dict().items())


def test_an_encoder_is_taken_out_of_saved_weights(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(11)
        trained = ResNetEncoder(channels=(4, 6), depths=(1, 0))
    Pipeline(Detector(encoder=trained), GatedUNet(dim=2, multipliers=(1,)), device="cpu").save_pretrained(tmp_path)
    loss = PerceptualLoss(encoder=encoder(), weights=str(tmp_path))
    assert loss.encoder is not None
    for name, tensor in trained.state_dict().items():
        assert torch.equal(loss.encoder.state_dict()[name], tensor)
    with pytest.raises(ValueError, match=r"holds no such encoder: (?s:.*)size mismatch for stages\.1"):
        PerceptualLoss(encoder=ResNetEncoder(channels=(4, 8), depths=(1, 0)), weights=str(tmp_path))
    with pytest.raises(ValueError, match=r"holds no such encoder: (?s:.*)Missing key"):
        PerceptualLoss(encoder=ResNetEncoder(channels=(4, 6), depths=(2, 0)), weights=str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
        PerceptualLoss(encoder=encoder(), weights=str(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="expected a folder written by save_pretrained"):
        PerceptualLoss(encoder=encoder(), weights=str(tmp_path))


def test_an_encoder_is_taken_out_of_a_folder_of_any_name_and_of_regular_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    Pipeline(Detector(encoder=encoder()), GatedUNet(dim=2, multipliers=(1,)), device="cpu").save_pretrained(folder)
    assert PerceptualLoss(encoder=encoder(), weights=str(folder)).encoder is not None
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(ValueError, match="is not a regular file; expected safetensors"):
        PerceptualLoss(encoder=encoder(), weights=str(folder))


def test_an_encoder_with_weights_of_its_own_is_taken_as_it_is() -> None:
    own = encoder()
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    loss = PerceptualLoss(encoder=own, weights="own")
    assert loss.encoder is own
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.state_dict().items())


def test_a_configuration_without_vgg_weights_names_what_is_missing() -> None:
    message = r"loss\.weights: 'weights' is missing: a file .* or 'download'; or use an 'encoder'"
    for spelled in ("perceptual", {"use": "perceptual", "weights": "own"}):
        with pytest.raises(ConfigError, match=message):
            build(spelled, "loss")


def test_an_encoder_is_never_left_untrained_without_a_word() -> None:
    message = r"'weights' is missing: a folder of weights of a pipeline with such an encoder, or 'own'"
    with pytest.raises(ValueError, match=message):
        PerceptualLoss(encoder=encoder())
    with pytest.raises(ConfigError, match=rf"loss: {message}"):
        build({"use": "perceptual", "encoder": {"use": "resnet", "channels": [2], "depths": [0]}}, "loss")
    with pytest.raises(ConfigError, match=r"loss: expected a file with VGG-19's weights.*no file nowhere\.pth"):
        build({"use": "perceptual", "weights": "nowhere.pth"}, "loss")


# --- Discriminators --------------------------------------------------------------------------------------------------


def normalize_weights(loss: PatchAdversarialLoss) -> list[tuple[Tensor, Tensor]]:
    """The normalized weights and the biases in float64, as functions of the parameters: W / (u W v)."""
    found = []
    convolutions: Any = loss.discriminator.convolutions
    for convolution in convolutions:
        norm = convolution.parametrizations.weight[0]
        original = convolution.parametrizations.weight.original.double()
        largest = norm._u.double() @ original.flatten(1) @ norm._v.double()
        found.append((original / largest, convolution.bias.double()))
    return found


def scores(image: Tensor, weights: list[tuple[Tensor, Tensor]]) -> Tensor:
    x = image.double() * 2 - 1
    for weight, bias in weights:
        x = F.conv2d(x, weight, bias, stride=2, padding=2)
        x = torch.where(x > 0, x, 0.2 * x)
    return x


def gradient_norm(image: Tensor, weights: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The norm of the gradient of the sum of one image's scores, by the chain rule written out backwards."""
    x, slopes, sizes = image.double() * 2 - 1, [], []
    for weight, bias in weights:
        sizes.append(x.shape[-2:])
        x = F.conv2d(x, weight, bias, stride=2, padding=2)
        slopes.append(torch.where(x > 0, 1.0, 0.2).double())
        x = x * slopes[-1]
    gradient = torch.ones_like(x)
    for (weight, _), slope, size in zip(reversed(weights), reversed(slopes), reversed(sizes), strict=True):
        odd = [1 - extent % 2 for extent in size]
        gradient = F.conv_transpose2d(gradient * slope, weight, stride=2, padding=2, output_padding=odd)
    return gradient.square().sum().sqrt()


def adversarial(name: str) -> PatchAdversarialLoss:
    loss = make(name).eval()
    assert isinstance(loss, PatchAdversarialLoss)
    return loss


def compare_gradients(loss: PatchAdversarialLoss, ours: Tensor, expected: Tensor) -> None:
    parameters = list(loss.discriminator.parameters())
    for own, other in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        assert torch.allclose(own, other.float(), atol=1e-4 * float(other.abs().max()) + 1e-6)


@pytest.mark.parametrize("size", [(21, 34), (1, 5), (16, 16)])
def test_wasserstein_is_the_explicit_distance_and_penalty_with_their_gradients(size: tuple[int, int]) -> None:
    loss = adversarial("wasserstein")
    restored, target, mask = batch(*size)
    weights = normalize_weights(loss)
    factor = torch.rand((), generator=torch.Generator().manual_seed(9)).double()
    mixed = factor * target + (1 - factor) * restored
    norms = torch.stack([gradient_norm(image[None], weights) for image in mixed])
    expected = scores(restored, weights).mean() - scores(target, weights).mean() + 10 * ((norms - 1) ** 2).mean()
    ours = loss.discriminator_loss(restored, target, mask, seed=9)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-4)
    compare_gradients(loss, ours, expected)


def test_the_penalty_matches_finite_differences() -> None:
    loss = adversarial("wasserstein")
    image = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    weights = [(weight.detach(), bias.detach()) for weight, bias in normalize_weights(loss)]
    steps = torch.eye(60, dtype=torch.float64).view(60, 3, 4, 5) * 1e-6
    gradient = [(scores(image + s, weights).sum() - scores(image - s, weights).sum()) / 4e-6 for s in steps]
    norm = float(torch.stack(gradient).square().sum().sqrt())  # the step of 1e-6 is 2e-6 in [-1, 1]
    same = image.float()  # nothing to mix, no distance
    mask = torch.ones(1, 1, 4, 5, dtype=torch.bool)
    assert loss.discriminator_loss(same, same, mask, seed=0).item() == pytest.approx(10 * (norm - 1) ** 2, rel=1e-3)


def test_hinge_is_the_explicit_one_with_its_gradients() -> None:
    loss = adversarial("hinge")
    restored, target, mask = batch()
    with torch.no_grad():
        convolutions: Any = loss.discriminator.convolutions
        for convolution in convolutions:  # so that scores lie on both sides of the margins
            convolution.bias.mul_(20)
    weights = normalize_weights(loss)
    real, fake = scores(target, weights), scores(restored, weights)
    expected = torch.where(real < 1, 1 - real, 0.0).mean() + torch.where(fake > -1, 1 + fake, 0.0).mean()
    ours = loss.discriminator_loss(restored, target, mask, seed=0)
    assert ((real > 1).any(), (real < 1).any()) == (True, True)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)
    compare_gradients(loss, ours, expected)


@pytest.mark.parametrize("made", [WassersteinLoss, HingeLoss])
def test_the_published_discriminator_has_five_convolutions_of_known_widths(made: type[PatchAdversarialLoss]) -> None:
    with torch.device("meta"):
        convolutions: Any = made().discriminator.convolutions
    widths = [(64, 3), (128, 64), (128, 128), (256, 128), (512, 256)]
    assert [tuple(c.weight.shape) for c in convolutions] == [(*width, 5, 5) for width in widths]


@pytest.mark.parametrize("name", ["wasserstein", "hinge"])
def test_the_restorer_makes_the_mean_score_large(name: str) -> None:
    loss = adversarial(name)
    restored, target, mask = batch()
    assert loss(restored, target, mask).item() == pytest.approx(
        -scores(restored, normalize_weights(loss)).mean().item(), rel=1e-4
    )


@ADVERSARIAL
def test_neither_side_gives_gradients_to_the_other(loss: PatchAdversarialLoss) -> None:
    restored, target, mask = batch()
    restored.requires_grad_()
    next(loss.discriminator.parameters()).requires_grad_(False)
    frozen = [parameter.requires_grad for parameter in loss.discriminator.parameters()]
    loss(restored, target, mask).backward()
    assert restored.grad is not None
    assert restored.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in loss.discriminator.parameters())
    assert [parameter.requires_grad for parameter in loss.discriminator.parameters()] == frozen
    restored.grad = None
    loss.discriminator_loss(restored, target, mask, seed=0).backward()
    assert restored.grad is None
    assert [parameter.grad is not None for parameter in loss.discriminator.parameters()] == frozen


@ADVERSARIAL
def test_an_error_leaves_the_discriminator_learning(loss: PatchAdversarialLoss) -> None:
    with pytest.raises(RuntimeError):
        loss(torch.rand(1, 4, 8, 8), torch.rand(1, 4, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.bool))
    assert all(parameter.requires_grad for parameter in loss.discriminator.parameters())


@ADVERSARIAL
def test_discriminator_losses_can_be_measured_without_gradients(loss: PatchAdversarialLoss) -> None:
    expected = loss.discriminator_loss(*batch(), seed=2)
    with torch.no_grad():
        assert torch.equal(loss.discriminator_loss(*batch(), seed=2), expected)


def test_the_mixture_depends_on_the_seed_alone() -> None:
    loss, made = adversarial("wasserstein"), batch()
    first, again, other = (loss.discriminator_loss(*made, seed=seed).item() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    without = attrs.evolve(loss, penalty=0.0).eval()
    without.load_state_dict(loss.state_dict())
    assert without.discriminator_loss(*made, seed=1) == without.discriminator_loss(*made, seed=2)


def test_scores_that_depend_on_nothing_have_a_finite_gradient() -> None:
    loss = adversarial("wasserstein")
    with torch.no_grad():
        convolutions: Any = loss.discriminator.convolutions
        convolutions[-1].parametrizations.weight[0]._u.fill_(1e6)  # weights of nearly nothing
    value = loss.discriminator_loss(*batch(), seed=0)
    value.backward()
    assert value.item() == pytest.approx(10, rel=1e-2)
    assert all(parameter.grad.isfinite().all() for parameter in loss.discriminator.parameters())


@pytest.mark.parametrize("name", ["wasserstein", "hinge"])
def test_a_discriminator_learns_to_tell_images_apart_and_the_restorer_to_fool_it(name: str) -> None:
    loss = make(name)
    assert isinstance(loss, PatchAdversarialLoss)
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(4, 3, 16, 16, generator=generator)
    mask = torch.ones(4, 1, 16, 16, dtype=torch.bool)
    restored = torch.full_like(target, 0.5).requires_grad_()
    optimizer = torch.optim.Adam(loss.discriminator.parameters(), lr=1e-2)
    values = []
    for step in range(30):
        value = loss.discriminator_loss(restored, target, mask, seed=step)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert np.mean(values[-5:]) < np.mean(values[:5])
    before = loss(restored, target, mask)
    before.backward()
    assert restored.grad is not None
    moved = restored.detach() - 0.05 * restored.grad / restored.grad.abs().max()
    assert loss(moved, target, mask) < before


@component
class PlainAdversarialLoss(AdversarialLoss):
    """What a plugin may give: a discriminator of its own."""

    weight: float = 1.0
    lr: float = 1e-3

    def make_discriminator(self) -> nn.Module:
        return nn.Conv2d(3, 1, 3)

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return -self.discriminator(restored).mean()

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        return self.discriminator(restored).mean() - self.discriminator(target).mean()


def test_an_adversarial_loss_may_bring_a_discriminator_of_its_own() -> None:
    loss = PlainAdversarialLoss()
    assert [field.name for field in attrs.fields(PlainAdversarialLoss)] == ["weight", "lr"]
    assert set(loss.state_dict()) == {"discriminator.weight", "discriminator.bias"}
    assert loss.discriminator_loss(*batch(), seed=0).isfinite()
