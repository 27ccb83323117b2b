"""Keys and shapes must match exactly."""

import pytest
import torch
from torch import nn

from animatex_core.checkpoints.validation import check_keys, load_strictly, shapes
from animatex_core.errors import WrongCheckpoint


def _meta_linear() -> nn.Linear:
    with torch.device("meta"):
        return nn.Linear(3, 2)


def test_the_same_keys_in_another_order_pass():
    check_keys({"a": (1, 2), "b": ()}, {"b": [], "a": [1, 2]}, "the net")


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ({"a": (1,)}, "1 missing (b)"),
        ({"a": (1,), "b": (2,), "c": (3,)}, "1 unexpected (c)"),
        ({"a": (1,), "b": (2, 1)}, "1 of another shape (b is (2, 1) instead of (2,))"),
        ({}, "2 missing (a, b)"),
        ({"c": (1,)}, "2 missing (a, b); 1 unexpected (c)"),
    ],
)
def test_every_difference_is_named(found, named):
    with pytest.raises(WrongCheckpoint) as caught:
        check_keys({"a": (1,), "b": (2,)}, found, "the net", "net.pth")
    assert str(caught.value) == f"net.pth does not fit the net: {named}; choose the file that belongs to it."


def test_of_many_keys_the_first_are_named_and_all_counted():
    with pytest.raises(WrongCheckpoint, match=r"100 missing \(k0, k1, k2, k3, k4, \.\.\.\)"):
        check_keys({f"k{i}": (1,) for i in range(100)}, {}, "the net")


def test_tensors_are_assigned_without_a_copy():
    tensors = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    linear = load_strictly(_meta_linear(), tensors, "a layer")
    assert linear.weight.data_ptr() == tensors["weight"].data_ptr()
    assert not linear.training
    assert not any(parameter.requires_grad for parameter in linear.parameters())


def test_the_dtype_is_the_callers():
    tensors = {"weight": torch.ones(2, 3, dtype=torch.float16), "bias": torch.zeros(2)}
    linear = load_strictly(_meta_linear(), tensors, "a layer", dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in linear.parameters()} == {torch.bfloat16}


def test_a_wrong_shape_leaves_the_model_unchanged():
    linear = _meta_linear()
    with pytest.raises(WrongCheckpoint, match=r"weight is \(3, 2\) instead of \(2, 3\)"):
        load_strictly(linear, {"weight": torch.ones(3, 2), "bias": torch.zeros(2)}, "a layer")
    assert linear.weight.is_meta


def test_shapes_of_a_meta_model():
    assert shapes(_meta_linear().state_dict()) == {"weight": (2, 3), "bias": (2,)}


class _Waiting(nn.Linear):
    """Knows no weights before it is loaded, as some layers of ComfyUI."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *_: object) -> None:
        self.weight, self.bias = (nn.Parameter(state_dict[prefix + name]) for name in ("weight", "bias"))


def test_layers_that_wait_for_their_weights_are_checked_against_what_is_expected() -> None:
    tensors = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    expected = shapes(tensors)
    assert load_strictly(_Waiting(), tensors, "a layer", expected=expected).weight.shape == (3, 2)
    for wrong in (
        {"weight": torch.ones(2, 3)},
        {"bias": torch.zeros(2)},
        {"other": torch.zeros(3)},
    ):
        with pytest.raises(WrongCheckpoint, match="the file does not fit a layer"):
            load_strictly(_Waiting(), {**tensors, **wrong}, "a layer", "the file", expected=expected)


def test_tensors_may_keep_their_types() -> None:
    tensors = {"weight": torch.ones(2, 3).half(), "bias": torch.zeros(2).bfloat16()}
    linear = load_strictly(_meta_linear(), tensors, "a layer", dtype=None)
    assert [linear.weight.dtype, linear.bias.dtype] == [torch.float16, torch.bfloat16]
    assert linear.weight.data_ptr() == tensors["weight"].data_ptr()
