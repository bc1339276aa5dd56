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
from hcl_sdk.testing._expect import require, require_close, require_near, require_same
from hcl_sdk.testing._inputs import copy_tensors, list_tensors, map_tensors, pair_tensors, take_one
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._state import SETTINGS, State, change_random_state
from hcl_sdk.testing._subjects import ModuleSubject, Subject


def repeats_exactly(subject: ModuleSubject[Any]) -> None:
    """The same input and seed give the same result, whatever the global random state and earlier calls."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    results = []
    for seed in (1, 2):
        with change_random_state(seed):
            results.append(subject.run(component, inputs))
    require_same(results[0], results[1], "from call to call")
    others = []
    for before in ((), (subject.make_inputs(34, 18, seed=1),)):
        with change_random_state(3):
            component = subject.make()
        for given in before:
            subject.run(component, given)
        others.append(subject.run(component, inputs))
    require_same(others[0], others[1], "after a call with other images: it keeps something from them")


def settings_are_left_alone(subject: ModuleSubject[Any]) -> None:
    """Torch's global settings, such as whether gradients are recorded, are as before."""
    inputs, settings = subject.make_inputs(17, 33), State(SETTINGS)
    subject.call(subject.make(), inputs)
    changed = settings.list_changed()
    require(not changed, f"it changes the {', '.join(changed)} of torch for the whole program")


def input_is_left_alone(subject: ModuleSubject[Any]) -> None:
    """The inputs are not modified."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    before = copy_tensors(inputs)
    versions = [t._version for _, t in list_tensors(inputs)]
    with torch.no_grad():
        subject.call(component, inputs)
    for (path, a, b), version in zip(pair_tensors(before, inputs), versions, strict=True):
        require(torch.equal(a, b), f"argument {path} is modified")
        written = f"argument {path} is written to, even if with the same values; use no in-place functions on it"
        require(b._version == version, written)


def batch_equals_single_images(subject: ModuleSubject[Any]) -> None:
    """In evaluation mode, an image's result does not depend on what else is in the batch."""
    component, inputs = subject.make(), subject.make_inputs(17, 33, batch=3)
    together = subject.run(component, inputs)
    for b in range(3):
        alone = subject.run(component, take_one(inputs, b))
        require_close(take_one(together, b), alone, f"of image {b} of a batch, and of that image alone")


def memory_layout_does_not_matter(subject: ModuleSubject[Any]) -> None:
    """Inputs in channels-last layout, as in training, or that are parts of larger tensors, give the same result."""
    component, inputs = subject.make(), subject.make_inputs(17, 33)
    expected = subject.run(component, inputs)
    changes = {"with channels last": _put_channels_last, "that are parts of larger ones": _cut_from_larger}
    for how, change in changes.items():
        with torch.no_grad():
            got = subject.call(component, map_tensors(inputs, change))
        require_close(expected, got, f"of contiguous tensors, and of tensors {how}")


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
            what = f"{path} in {str(dtype).removeprefix('torch.')}"
            require(a.shape == b.shape, f"{what} is {list(a.shape)}, in float32 {list(b.shape)}")
            if b.is_floating_point():
                require(a.is_floating_point(), f"{what} is {a.dtype}")
                require(a.isfinite().all(), f"{what} is not finite")
                require_near(a, b, 0.1, what)


def _cast_features(inputs: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Cast inputs as under autocast: images stay in float32, the outputs of other components are in ``dtype``."""

    def cast(t: Tensor) -> Tensor:
        return t.to(dtype) if t.is_floating_point() else t

    return tuple(value if isinstance(value, Tensor) else map_tensors(value, cast) for value in inputs)


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
                require(parameter.grad.isfinite().all(), f"the gradient of {name} is not finite")
                if parameter.grad.any():
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
    require(parts, "nothing in the result carries gradients")
    torch.stack([(t * torch.randn(t.shape, generator=generator)).sum() for t in parts]).sum().backward()


def state_round_trips(subject: ModuleSubject[Any]) -> None:
    """The state, also after training, gives the same result once saved as safetensors and loaded elsewhere."""
    component, other, inputs = subject.make(), subject.make(seed=1), subject.make_inputs(17, 33)
    # Running means and the like become what they saw.
    subject.run(component.train(), subject.make_inputs(32, 48, seed=2))
    component.eval()
    state = {name: t.detach().contiguous().clone() for name, t in component.state_dict().items()}
    with torch.no_grad():
        for tensor in other.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(1.0)  # a different seed from the earlier one
    other.load_state_dict(load(save(state)))
    require_same(
        subject.run(component, inputs),
        subject.run(other, inputs),
        "after loading: something that was drawn, or changed in training, is neither a parameter nor a persistent "
        "buffer of the module",
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
        require(b.device.type == device.type, f"{path} of a component on {device} is on {b.device}")
        if device != _NO_VALUES and a.is_floating_point():
            require_near(b.cpu(), a, 0.02, f"{path} on {device}")


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
    require_close(tuple(expected), tuple(got), "of the component, and of the exported program")


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
    require(component.bind(neighbor) is component, "bind() must return the component itself")
    after = component.state_dict()
    require(list(after) == list(state), "binding again to the same neighbor makes new layers")
    drawn = any(not torch.equal(t, after[name]) for name, t in state.items())
    require(not drawn, "binding again draws new weights")
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


SHARED = (
    input_is_left_alone,
    memory_layout_does_not_matter,
    repeats_exactly,
    random_state_is_left_alone,
    settings_are_left_alone,
    runs_on_its_device,
)
