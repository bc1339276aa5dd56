"""Convolution and batch normalization as one, against the two layers one after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hcl_sdk.layers.conv_bn import ConvBN


def make_layers() -> ConvBN:
    """A strided, grouped convolution and a norm that have learned something, in evaluation mode."""
    torch.manual_seed(0)
    layers = ConvBN(nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False), nn.BatchNorm2d(6, eps=1e-3))
    for parameter in (layers[1].weight, layers[1].bias, layers[1].running_mean):
        nn.init.normal_(parameter)  # pyright: ignore[reportArgumentType]
    nn.init.uniform_(layers[1].running_var, 0.1, 2)  # pyright: ignore[reportArgumentType]
    return layers.eval()


def draw_image() -> Tensor:
    return torch.randn(2, 4, 9, 12, generator=torch.Generator().manual_seed(1))


def run_both(layers: ConvBN, image: Tensor) -> Tensor:
    """The definition: one layer, then the other."""
    convolution, norm = layers
    return norm(convolution(image))


def test_one_convolution_gives_what_both_layers_give() -> None:
    layers, image = make_layers(), draw_image()
    ran: list[nn.Module] = []
    layers[1].register_forward_hook(lambda norm, *_: ran.append(norm))
    with torch.no_grad():
        result = layers(image)
        assert not ran
        torch.testing.assert_close(result, run_both(layers, image))


def test_weights_can_change_at_any_time() -> None:
    layers, image = make_layers(), draw_image()
    with torch.no_grad():
        layers(image)
        layers.load_state_dict({name: t + 0.5 for name, t in layers.state_dict().items()})
        torch.testing.assert_close(layers(image), run_both(layers, image))


def test_in_training_statistics_are_those_of_the_batch_and_are_learned() -> None:
    layers, reference, image = make_layers().train(), make_layers().train(), draw_image()
    assert torch.equal(layers(image), run_both(reference, image))
    for ours, theirs in zip(layers.state_dict().values(), reference.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_gradients_are_those_of_both_layers_when_only_the_norm_learns() -> None:
    layers, reference, image = make_layers(), make_layers(), draw_image()
    for each, run in ((layers, layers), (reference, lambda x: run_both(reference, x))):
        each[0].requires_grad_(False)
        run(image).square().sum().backward()
    for ours, theirs in zip(layers[1].parameters(), reference[1].parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)


def test_a_layer_that_was_replaced_is_run_as_it_is() -> None:
    class Doubled(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    layers, image = make_layers(), draw_image()
    doubled = Doubled(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
    doubled.load_state_dict(layers[0].state_dict())
    layers[0] = doubled
    with torch.no_grad():
        torch.testing.assert_close(layers(image), run_both(layers, image))


def test_an_exported_graph_has_both_layers_and_gives_the_same() -> None:
    layers, image = make_layers(), draw_image()
    program = torch.export.export(layers, (image,))
    names = [node.name for node in program.graph.nodes if node.op == "call_function"]
    assert len(names) == 2
    with torch.no_grad():
        torch.testing.assert_close(program.module()(image), layers(image))
