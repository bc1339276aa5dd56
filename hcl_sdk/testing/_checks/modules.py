"""The checks of components that compute tensors from tensors."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hcl_sdk.errors import describe_error
from hcl_sdk.interfaces import PyramidSpec
from hcl_sdk.testing._checks.every import random_state_is_left_alone
from hcl_sdk.testing._inputs import copy_tensors, list_tensors, map_tensors, pair_tensors, take_one
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._state import Settings, change_random_state
from hcl_sdk.testing._subjects import ModuleSubject, Subject


def repeats_exactly(subject: ModuleSubject[Any]) -> None:
    """The same input and seed give the same result, whatever the global random state and earlier calls."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    with change_random_state(1):
        first = subject.run(component, inputs)
    with change_random_state(2):
        second = subject.run(component, inputs)
    for path, a, b in pair_tensors(first, second):
        if not torch.equal(a, b):
            raise Fault(f"{path} differs from call to call, by up to {measure_difference(a, b):.3g}")
    others = []
    for before in ((), (subject.make_inputs(34, 18, seed=1),)):
        with change_random_state(3):
            component = subject.make()
        for given in before:
            subject.run(component, given)
        others.append(subject.run(component, inputs))
    for path, a, b in pair_tensors(*others):
        if not torch.equal(a, b):
            raise Fault(
                f"{path} differs by up to {measure_difference(a, b):.3g} after a call with other images: it keeps "
                f"something from them"
            )


def settings_are_left_alone(subject: ModuleSubject[Any]) -> None:
    """Torch's global settings, such as whether gradients are recorded, are as before."""
    inputs, settings = subject.make_inputs(17, 33), Settings()
    subject.call(subject.make(), inputs)
    if changed := settings.list_changed():
        raise Fault(f"it changes the {', '.join(changed)} of torch for the whole program")


def input_is_left_alone(subject: ModuleSubject[Any]) -> None:
    """The inputs are not modified."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    before = copy_tensors(inputs)
    versions = [t._version for _, t in list_tensors(inputs)]
    with torch.no_grad():
        subject.call(component, inputs)
    for (path, a, b), version in zip(pair_tensors(before, inputs), versions, strict=True):
        if not torch.equal(a, b):
            raise Fault(f"argument {path} is modified, by up to {measure_difference(a, b):.3g}")
        if b._version != version:
            raise Fault(f"argument {path} is written to, even if with the same values; use no in-place functions on it")


def batch_equals_single_images(subject: ModuleSubject[Any]) -> None:
    """In evaluation mode, an image's result does not depend on what else is in the batch."""
    component, inputs = subject.make(), subject.make_inputs(17, 33, batch=3)
    together = subject.run(component, inputs)
    for b in range(3):
        alone = subject.run(component, take_one(inputs, b))
        for path, a, single in pair_tensors(take_one(together, b), alone):
            assert_close(a, single, f"{path} of image {b} of a batch, and of that image alone")


def memory_layout_does_not_matter(subject: ModuleSubject[Any]) -> None:
    """Inputs in channels-last layout, as in training, or that are parts of larger tensors, give the same result."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    expected = subject.run(component, inputs)
    for how, change in (
        ("with channels last", _put_channels_last),
        ("that are parts of larger ones", _cut_from_larger),
    ):
        with torch.no_grad():
            got = subject.call(component, map_tensors(inputs, change))
        for path, a, b in pair_tensors(expected, got):
            assert_close(a, b, f"{path} of contiguous tensors, and of tensors {how}")


def _put_channels_last(t: Tensor) -> Tensor:
    return t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t


def _cut_from_larger(t: Tensor) -> Tensor:
    return torch.cat([t, t], dim=-1)[..., : t.shape[-1]] if t.ndim else t


def half_precision(subject: ModuleSubject[Any]) -> None:
    """Under autocast to bfloat16 and to float16 (at most 65,504), the result is close to the one in float32."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    exact = subject.run(component, inputs)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype):
            low = subject.run(component, _cast_features(inputs, dtype))
        for path, a, b in pair_tensors(low, exact):
            _assert_near(a, b, path, str(dtype).removeprefix("torch."))


def _cast_features(inputs: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Cast inputs as under autocast: images stay in float32, the outputs of other components are in ``dtype``."""

    def cast(t: Tensor) -> Tensor:
        return t.to(dtype) if t.is_floating_point() else t

    return tuple(value if isinstance(value, Tensor) else map_tensors(value, cast) for value in inputs)


def _assert_near(a: Tensor, b: Tensor, path: str, precision: str) -> None:
    if a.shape != b.shape:
        raise Fault(f"{path} is {list(a.shape)} in {precision}, {list(b.shape)} in float32")
    if not b.is_floating_point():
        return
    if not a.is_floating_point():
        raise Fault(f"{path} is {a.dtype} in {precision}")
    if not a.isfinite().all():
        raise Fault(f"{path} is not finite in {precision}")
    scale = max(float(b.abs().max()), 1e-3)
    if not measure_difference(a.float(), b) <= 0.1 * scale:
        raise Fault(
            f"{path} differs by up to {measure_difference(a.float(), b):.3g} in {precision}, at values of up to "
            f"{scale:.3g}"
        )


def gradients_reach_every_parameter(subject: ModuleSubject[Any]) -> None:
    """In training mode, every parameter that is not frozen gets a gradient that is finite and not zero."""
    component = subject.make().train()
    learning = {name: p for name, p in component.named_parameters() if p.requires_grad}
    if not learning:
        raise SkipTest("it has no parameters that learn")
    reached: set[str] = set()
    for seed in range(4):  # a ReLU may be closed for one batch, and layers may begin with zeros, which a step changes
        torch.manual_seed(seed)  # of dropout and the like
        component.zero_grad()
        backpropagate(subject.compute_trained(component, subject.make_inputs(32, 48, seed=seed)))
        for name, parameter in learning.items():
            if parameter.grad is not None:
                if not parameter.grad.isfinite().all():
                    raise Fault(f"the gradient of {name} is not finite")
                if parameter.grad.abs().max() > 0:
                    reached.add(name)
        if len(reached) == len(learning):
            return
        with torch.no_grad():
            for parameter in learning.values():
                if parameter.grad is not None:
                    parameter -= 0.01 * parameter.grad / parameter.grad.norm().clamp(min=1e-12)
    missing = [name for name in learning if name not in reached]
    raise Fault(f"no gradient reaches {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}")


def backpropagate(output: Any) -> None:
    """Compute gradients of everything in an output that has them, mixed at random so that none cancel."""
    generator = torch.Generator().manual_seed(0)
    parts = [t for _, t in list_tensors(output) if t.is_floating_point() and t.requires_grad]
    if not parts:
        raise Fault("nothing in the result carries gradients")
    torch.stack([(t * torch.randn(t.shape, generator=generator)).sum() for t in parts]).sum().backward()


def state_round_trips(subject: ModuleSubject[Any]) -> None:
    """The state, also after training, gives the same result once saved as safetensors and loaded elsewhere."""
    component, other, inputs = subject.make(), subject.make(seed=1), subject.make_inputs(17, 33)
    subject.run(
        component.train(), subject.make_inputs(32, 48, seed=2)
    )  # running means and the like become what they saw
    component.eval()
    state = {name: t.detach().contiguous().clone() for name, t in component.state_dict().items()}
    with torch.no_grad():
        for tensor in other.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(1.0)  # a different seed from the earlier one
    other.load_state_dict(load(save(state)))
    for path, a, b in pair_tensors(subject.run(component, inputs), subject.run(other, inputs)):
        if not torch.equal(a, b):
            raise Fault(
                f"{path} differs by up to {measure_difference(a, b):.3g} after loading: something that was drawn, or "
                f"changed in training, is neither a parameter nor a persistent buffer of the module"
            )


def runs_on_its_device(subject: ModuleSubject[Any]) -> None:
    """Everything is computed on the component's device; without an accelerator, that is traced on the meta device."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    expected = subject.run(component, inputs)
    device = (torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None) or _NO_VALUES
    component, moved = component.to(device), map_tensors(inputs, lambda t: t.detach().to(device))
    try:
        with _OneDevice():
            got = subject.run(component, moved)
    except _TwoDevicesError as error:
        raise Fault(str(error)) from None
    except Exception as error:
        if device != _NO_VALUES:
            raise
        raise SkipTest(
            f"there is no accelerator, and without values it cannot be traced: {describe_error(error)[:120]}"
        ) from None
    for path, a, b in pair_tensors(expected, got):
        if b.device.type != device.type:
            raise Fault(f"{path} of a component on {device} is on {b.device}")
        if device != _NO_VALUES and a.is_floating_point():
            limit = 0.02 * max(float(a.abs().max()), 1e-3)
            if not measure_difference(a, b.cpu()) <= limit:
                raise Fault(f"{path} differs by {measure_difference(a, b.cpu()):.3g} on {device}")


_NO_VALUES = torch.device("meta")


class _TwoDevicesError(Exception):
    """Tensors on two devices were combined."""


class _OneDevice(TorchFunctionMode):
    """Raises :class:`_TwoDevicesError` if a function of torch is given tensors on two devices."""

    _MAY = ("to", "copy_", "__getitem__", "__setitem__", "type_as", "cpu", "__set__")

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [*args, *(kwargs or {}).values()]
        flat = [item for value in given for item in (value if isinstance(value, tuple | list) else (value,))]
        devices = {t.device.type for t in flat if isinstance(t, Tensor) and t.ndim > 0}
        name = getattr(func, "__name__", str(func))
        if len(devices) > 1 and name not in self._MAY:
            raise _TwoDevicesError(
                f"{name} is given tensors on two devices: one is made on the CPU, wherever the component is; make it "
                f"a buffer, or with device=image.device"
            )
        return func(*args, **(kwargs or {}))


def exports(subject: ModuleSubject[Any]) -> None:
    """If the class declares ``exportable = True``, torch.export accepts it, and the program gives the same result."""
    if not getattr(subject.cls, "exportable", False):
        raise SkipTest("its class does not say exportable = True")
    program_of = _TensorFunction(subject, subject.make_inputs(18, 24))
    flat = tuple(t.detach() for _, t in list_tensors(program_of.inputs))
    with torch.no_grad():
        program = torch.export.export(program_of, copy_tensors(flat)).module()
        expected, got = program_of(*copy_tensors(flat)), program(*copy_tensors(flat))
    for i, (a, b) in enumerate(zip(expected, got, strict=True)):
        assert_close(a, b, f"output {i} of the component, and of the exported program")


class _TensorFunction(nn.Module):
    """A component as a function of tensors alone."""

    def __init__(self, subject: ModuleSubject[Any], inputs: tuple[Any, ...]) -> None:
        super().__init__()
        self.component = subject.make()
        self.subject, self.inputs = subject, inputs

    def forward(self, *flat: Tensor) -> tuple[Tensor, ...]:
        left = iter(flat)
        inputs = map_tensors(self.inputs, lambda _: next(left))
        return tuple(t for _, t in list_tensors(self.subject.call(self.component, inputs)))


def binds_once(subject: Subject[Any]) -> None:
    """Binding again to the same neighbor changes nothing; binding to another is an error."""
    component: Any = subject.make()
    state = {name: t.clone() for name, t in component.state_dict().items()}
    neighbor = component._bound_to
    if component.bind(neighbor) is not component:
        raise Fault("bind() must return the component itself")
    after = component.state_dict()
    if list(after) != list(state):
        raise Fault("binding again to the same neighbor makes new layers")
    if not all(torch.equal(t, after[name]) for name, t in state.items()):
        raise Fault("binding again draws new weights")
    if neighbor is None:
        return  # a restorer without features fits any encoder
    other = neighbor + 1 if isinstance(neighbor, int) else _widen(neighbor)
    try:
        component.bind(other)
    except ValueError:
        return
    raise Fault(f"it is bound to {neighbor}, and binding it to {other} is not an error")


def _widen(spec: PyramidSpec) -> PyramidSpec:
    return PyramidSpec(channels=tuple(2 * c for c in spec.channels), strides=spec.strides)


def measure_difference(a: Tensor, b: Tensor) -> float:
    """Return the largest absolute difference."""
    return float((a.double() - b.double()).abs().max()) if a.numel() else 0.0


def assert_float32(t: Tensor, what: str) -> None:
    """Assert that results of float32 are float32 outside autocast; or else the next layers refuse them."""
    if t.dtype != torch.float32:
        raise Fault(f"{what} are {str(t.dtype).removeprefix('torch.')}; expected float32, like the input")


def assert_close(a: Tensor, b: Tensor, what: str) -> None:
    """Assert equality up to rounding; for bool tensors, of at least 99.9 % of the values."""
    if a.shape != b.shape:
        raise Fault(f"{what}: {list(a.shape)} and {list(b.shape)}")
    if not a.is_floating_point():
        share = float((a == b).double().mean()) if a.numel() else 1.0
        if share < 0.999:
            raise Fault(f"{what}: {100 * share:.2f} % are equal")
        return
    close = torch.allclose(a, b, rtol=1e-3, atol=1e-4 * max(1.0, float(b.abs().max())), equal_nan=False)
    if not close:
        raise Fault(f"{what}: they differ by up to {measure_difference(a, b):.3g}")


SHARED = (
    input_is_left_alone,
    memory_layout_does_not_matter,
    repeats_exactly,
    random_state_is_left_alone,
    settings_are_left_alone,
    runs_on_its_device,
)
