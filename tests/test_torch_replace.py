"""Models that draw their own weights, drawn from our stream by `replace_init`."""

import copy
import gc
import itertools
import json
import math
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from frameworks import framework

torch = framework("torch")
from torch import nn  # noqa: E402

import irwinhall.torch as init  # noqa: E402
from irwinhall import Stream  # noqa: E402


def built(make, **arguments):
    """Return what a function makes within the context, and the report."""
    with init.replace_init(seed=1, **arguments) as report:
        made = make()
    assert report.missed == ()
    return made, report


def unnamed(report):
    return {row.name: row.note for row in report.rows if row.name.startswith("/")}


class Holder(nn.Module):
    """A module whose one parameter is what a function returns."""

    def __init__(self, make):
        super().__init__()
        self.weight = nn.Parameter(make())


# ---- distributions and names ---------------------------------------------------------------------

EMPTY = partial(torch.empty, 6, 4)
OURS = {
    "uniform_": (
        lambda: nn.init.uniform_(EMPTY(), -1, 2),
        lambda t: init.uniform_(t, -1, 2, seed=1, name="weight"),
    ),
    "normal_": (
        lambda: nn.init.normal_(EMPTY(), 1.0, 0.5),
        lambda t: init.normal_(t, 1.0, 0.5, seed=1, name="weight"),
    ),
    "trunc_normal_": (
        lambda: nn.init.trunc_normal_(EMPTY(), 0.1, 0.5, -0.3, 0.9),
        lambda t: init.trunc_normal_(t, 0.1, 0.5, -0.3, 0.9, seed=1, name="weight"),
    ),
    "trunc_normal_ of a narrow interval": (
        lambda: nn.init.trunc_normal_(EMPTY(), 0.0, 1.0, 3.0, 3.5),
        lambda t: init.trunc_normal_(t, 0.0, 1.0, 3.0, 3.5, seed=1, name="weight"),
    ),
    "kaiming_uniform_": (
        lambda: nn.init.kaiming_uniform_(EMPTY(), math.sqrt(5), "fan_out"),
        lambda t: init.kaiming_uniform_(t, math.sqrt(5), "fan_out", seed=1, name="weight"),
    ),
    "kaiming_normal_": (
        lambda: nn.init.kaiming_normal_(EMPTY(), nonlinearity="relu"),
        lambda t: init.normal_(t, 0.0, math.sqrt(2) / math.sqrt(4), seed=1, name="weight"),
    ),
    "xavier_normal_": (
        lambda: nn.init.xavier_normal_(EMPTY()),
        lambda t: init.normal_(t, 0.0, math.sqrt(2 / 10), seed=1, name="weight"),
    ),
    "orthogonal_": (
        lambda: nn.init.orthogonal_(EMPTY(), 2.0),
        lambda t: init.orthogonal_(t, 2.0, seed=1, name="weight"),
    ),
    "sparse_": (
        lambda: nn.init.sparse_(EMPTY(), 0.3),
        lambda t: init.sparse_(t, 0.3, seed=1, name="weight"),
    ),
    "Tensor.uniform_": (
        lambda: EMPTY().uniform_(to=3.0),
        lambda t: init.uniform_(t, 0.0, 3.0, seed=1, name="weight"),
    ),
    "Tensor.log_normal_": (
        lambda: EMPTY().log_normal_(0.5, 0.25),
        lambda t: init.normal_(t, 0.5, 0.25, seed=1, name="weight").exp_(),
    ),
    "Tensor.exponential_": (
        lambda: EMPTY().exponential_(2.0),
        lambda t: init.log_of_uniform_(t, low=0.0, high=1.0, seed=1, name="weight").mul_(-0.5),
    ),
    "torch.rand": (
        lambda: torch.rand(6, 4),
        lambda t: init.uniform_(t, seed=1, name="weight"),
    ),
    "torch.randn": (
        lambda: torch.randn((6, 4), dtype=torch.float32),
        lambda t: init.normal_(t, seed=1, name="weight"),
    ),
    "torch.randn_like": (
        lambda: torch.randn_like(EMPTY()),
        lambda t: init.normal_(t, seed=1, name="weight"),
    ),
    "torch.rand_like": (
        lambda: torch.rand_like(EMPTY()),
        lambda t: init.uniform_(t, seed=1, name="weight"),
    ),
    "torch.normal": (
        lambda: torch.normal(0.0, 0.5, (6, 4)),
        lambda t: init.normal_(t, 0.0, 0.5, seed=1, name="weight"),
    ),
}


@pytest.mark.parametrize("call", OURS)
def test_a_random_call_has_the_bits_of_our_function_by_the_parameters_name(call):
    make, ours = OURS[call]
    module, report = built(lambda: Holder(make))
    assert torch.equal(module.weight, ours(EMPTY()))
    assert [row.name for row in report.rows] == ["weight"]
    assert report.left_alone == ()


def test_every_layer_of_torch_is_drawn_by_its_names():
    def make():
        return nn.ModuleDict(
            {
                "linear": nn.Linear(8, 4),
                "convolution": nn.Conv2d(3, 4, 3),
                "tokens": nn.Embedding(5, 3, padding_idx=1),
                "attention": nn.MultiheadAttention(8, 2),
                "lstm": nn.LSTM(4, 3),
                "norm": nn.LayerNorm(4),
            }
        )

    model, report = built(make)
    again, _ = built(make)
    assert all(map(torch.equal, model.parameters(), again.parameters()))
    constants = {"norm.weight", "norm.bias", "attention.in_proj_bias", "attention.out_proj.bias"}
    assert set(report.left_alone) == constants
    assert unnamed(report) == {}
    assert torch.equal(
        model["linear"].bias,
        init.uniform_(
            torch.empty(4), -1 / math.sqrt(8), 1 / math.sqrt(8), seed=1, name="linear.bias"
        ),
    )
    assert model["tokens"].weight[1].tolist() == [0.0, 0.0, 0.0]


def test_an_inserted_layer_changes_no_other():
    def make(names):
        return nn.ModuleDict({name: nn.TransformerEncoderLayer(8, 2, 16) for name in names})

    model, _ = built(lambda: make(["first", "last"]))
    other, _ = built(lambda: make(["new", "first", "between", "last"]))
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, other.get_parameter(name))


def test_the_order_of_draws_does_not_matter():
    def make(order):
        layers = {name: nn.Linear(4, 4) for name in ("one", "two")}
        for name in order:
            nn.init.xavier_uniform_(layers[name].weight)
            layers[name].weight.data.normal_(std=0.02)
        return nn.ModuleDict(layers)

    model, _ = built(lambda: make(["one", "two"]))
    other, _ = built(lambda: make(["two", "one", "two"]))
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    assert not torch.equal(model["one"].weight, model["two"].weight)


def test_only_the_last_of_several_draws_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(
        "irwinhall.torch._draws.ours.normal_",
        lambda tensor, **arguments: made.append((tensor.is_meta, arguments)) or tensor,
    )

    def make():
        layer = nn.Linear(4, 4)
        nn.init.normal_(layer.weight, std=2.0)
        nn.init.normal_(layer.weight, std=3.0)
        return layer

    built(make, threads=3)
    kept = [arguments for on_meta, arguments in made if not on_meta]
    assert [(arguments["std"], arguments["threads"]) for arguments in kept] == [(3.0, 3)]


def test_constants_replace_what_was_drawn():
    def make():
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
        nn.init.zeros_(model[0].weight)
        model[1].weight.data.fill_(2.0)
        nn.init.eye_(model[2].weight)
        with torch.no_grad():
            model[3].weight.copy_(torch.arange(16.0).reshape(4, 4))
        return model

    model, report = built(make)
    assert [layer.weight.sum().item() for layer in model] == [0.0, 32.0, 4.0, 120.0]
    assert unnamed(report) == {}
    assert report.left_alone == ("0.weight", "1.weight", "2.weight", "3.weight")


def test_several_draws_of_one_parameter_have_streams_of_their_own():
    def make():
        weight = torch.empty(2, 100)
        weight[0].normal_()
        weight[1].normal_()
        return weight

    module, report = built(lambda: Holder(make))
    first, second = (Stream(1, name).normal(100) for name in ("weight", "weight/1"))
    assert (module.weight.detach().numpy() == np.stack([first, second])).all()
    assert report.rows[0].note == "2 draws"


def test_operations_that_follow_a_draw_are_made_with_it():
    def scaled():
        return torch.randn(8) * 0.02

    def steps():  # the bias of a Mamba's time steps
        dt = torch.exp(torch.rand(8) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        dt = dt.clamp(min=1e-4)
        return dt + torch.log(-torch.expm1(-dt))

    def inverted():  # as timm's trunc_normal_
        return torch.empty(8).uniform_(-0.9, 0.9).erfinv_().mul_(0.5).add_(1.0).clamp_(0.5, 2.0)

    def joined():
        return torch.cat([torch.randn(4), torch.rand(4).to(torch.float64).float()])

    for make in (scaled, steps, inverted, joined):
        module, report = built(lambda make=make: Holder(make))
        assert unnamed(report) == {}
        more, _ = built(lambda make=make: (Holder(lambda: torch.randn(3)), Holder(make))[1])
        assert torch.equal(module.weight, more.weight)
        assert module.weight.isfinite().all()
    module, _ = built(lambda: Holder(scaled))
    assert torch.equal(module.weight, init.normal_(torch.empty(8), seed=1, name="weight") * 0.02)


def test_copies_have_the_values_of_what_they_are_copied_from():
    def make():
        layer = nn.Linear(4, 4)
        return nn.ModuleList([copy.deepcopy(layer), copy.deepcopy(layer)])

    model, report = built(make)
    assert torch.equal(model[0].weight, model[1].weight)
    one = init.kaiming_uniform_(torch.empty(4, 4), math.sqrt(5), seed=1, name="0.weight")
    assert torch.equal(model[0].weight, one)
    assert report.left_alone == ()
    assert unnamed(report) == {}


def test_a_change_of_what_was_copied_does_not_change_the_copy():
    def make():
        layer = nn.Linear(4, 4)
        clone = copy.deepcopy(layer)
        nn.init.normal_(layer.weight)
        clone.weight.data.mul_(2.0)
        return nn.ModuleList([layer, clone])

    model, _ = built(make)
    assert model[1].weight.abs().max() <= 2 * 0.5
    assert model[0].weight.abs().max() > 1.0


def test_what_is_made_from_itself_is_right():
    def make():
        weight = torch.rand(100)
        weight.copy_(weight * 2.0 + 1.0)
        return weight

    module, _ = built(lambda: Holder(make))
    assert 1.0 <= module.weight.min() < module.weight.max() <= 3.0


def test_weight_norm_is_drawn_by_name():
    model, report = built(lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)))
    expected = init.kaiming_uniform_(torch.empty(3, 4), math.sqrt(5), seed=1, name="weight")
    torch.testing.assert_close(model.weight, expected)
    assert unnamed(report) == {}


def test_tied_weights_are_drawn_once():
    def make():
        model = nn.ModuleDict({"tokens": nn.Embedding(8, 4), "head": nn.Linear(4, 8, bias=False)})
        model["head"].weight = model["tokens"].weight
        return model

    model, report = built(make)
    assert model["head"].weight is model["tokens"].weight
    assert torch.equal(
        model["tokens"].weight, init.normal_(torch.empty(8, 4), seed=1, name="tokens.weight")
    )
    assert [row.note for row in report.rows] == ["", "shares the memory of tokens.weight"]


def test_buffers_are_drawn_by_name():
    def make():
        module = nn.Module()
        module.register_buffer("noise", torch.rand(4))
        module.register_buffer("steps", torch.arange(4.0), persistent=False)
        return module

    module, report = built(make)
    assert torch.equal(module.noise, init.uniform_(torch.empty(4), seed=1, name="noise"))
    assert report.buffers == ("steps",)


def test_several_models_have_numbers():
    (one, two), report = built(lambda: (nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)))
    assert [row.name for row in report.rows] == ["0.weight", "1.weight"]
    assert not torch.equal(one.weight, two.weight)


def test_a_module_in_the_place_of_one_that_is_gone_is_a_model():
    def make():
        for _ in range(20):
            nn.Sequential(nn.Linear(2, 2))
        return nn.Sequential(nn.Linear(2, 2))

    _, report = built(make)
    assert [row.name for row in report.rows] == ["0.weight", "0.bias"]


def test_modules_that_are_gone_are_no_models():
    def make():
        circle = nn.Linear(3, 2)
        circle.itself = [circle]
        return nn.Linear(3, 2)

    _, report = built(make)
    assert [row.name for row in report.rows] == ["weight", "bias"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_element_types(dtype):
    module, _ = built(lambda: nn.Linear(8, 4, bias=False, dtype=dtype))
    expected = torch.empty(4, 8, dtype=dtype)
    init.kaiming_uniform_(expected, math.sqrt(5), seed=1, name="weight")
    assert torch.equal(module.weight, expected)


# ---- values that are asked for -------------------------------------------------------------------

READS = {
    "item": lambda t: t.sum().item(),
    "numpy": lambda t: float(t.numpy().sum()),
    "tolist": lambda t: t.tolist()[1][2],
    "bool": lambda t: float((t > 0).any()),
    "qr": lambda t: float(torch.linalg.qr(t)[0].sum()),
    "print": lambda t: len(repr(t)),
    "pickle": lambda t: float(pickle.loads(pickle.dumps(t)).sum()),
    "data_ptr": lambda t: t.data_ptr(),
    "storage": lambda t: len(bytes(t.untyped_storage())),
    "softmax": lambda t: float(t.softmax(0).sum()),
    "index": lambda t: float(t[torch.tensor([0, 1])].sum()),
}


@pytest.mark.parametrize("read", READS)
def test_what_reads_values_gets_those_that_stay(read):
    with init.replace_init(seed=1) as report:
        tensor = torch.randn(4, 4)
        seen = READS[read](tensor)
        module = nn.Module()
        module.weight = nn.Parameter(tensor)
    assert READS[read](tensor) == seen
    assert torch.equal(tensor, init.normal_(torch.empty(4, 4), seed=1, name="/0"))
    assert list(unnamed(report)) == ["/0"]
    assert unnamed(report)["/0"] not in ("", "of no parameter")
    assert report.rows[0].note == "from /0"
    assert report.left_alone == ()


METADATA = [
    lambda t: (t.shape, t.dtype, t.device, t.requires_grad, t.is_meta, t.grad, t.is_leaf),
    lambda t: (t.dim(), t.numel(), t.size(0), t.stride(), t.is_contiguous(), len(t), hash(t)),
    lambda t: (
        t.data,
        t.T,
        t.detach(),
        t.view(-1),
        t[0],
        t.unsqueeze(0),
        t.chunk(2),
        t.reshape(-1),
    ),
    lambda t: (t.to(torch.float32), t.float(), t.contiguous(), t.requires_grad_(), {t: 1}),
    lambda t: (torch.zeros_like(t), t.new_empty(3), isinstance(t, nn.Parameter)),
]


@pytest.mark.parametrize("ask", METADATA)
def test_what_asks_for_no_values_leaves_the_name_to_decide(ask):
    with init.replace_init(seed=1) as report:
        layer = nn.Linear(4, 4, bias=False)
        ask(layer.weight)
        ask(layer.weight)
    assert unnamed(report) == {}


def test_what_is_in_no_module_is_drawn_in_order():
    (one, two), report = built(lambda: (torch.randn(8), torch.rand(8)))
    assert torch.equal(one, init.normal_(torch.empty(8), seed=1, name="/0"))
    assert torch.equal(two, init.uniform_(torch.empty(8), seed=1, name="/1"))
    assert unnamed(report) == {"/0": "of no parameter", "/1": "of no parameter"}


# ---- values that must not be lost ----------------------------------------------------------------


@pytest.fixture
def filled():
    """Fill new memory with NaN: no test that needs values passes without them."""
    deterministic = torch.utils.deterministic.fill_uninitialized_memory
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.utils.deterministic.fill_uninitialized_memory = deterministic
    torch.use_deterministic_algorithms(before)


def program(seed):
    """Run random calls on a few tensors; return these, and how many calls failed.

    Draws have a standard deviation of 0: torch's and ours must be the same.
    """
    rng = random.Random(seed)
    number = itertools.count(1.5)
    tensors, failed = [torch.empty(3, 3).normal_(next(number), 0.0)], 0
    calls = [
        lambda one, other: torch.empty(3, 3).normal_(next(number), 0.0),
        lambda one, other: torch.full((3, 3), next(number)),
        lambda one, other: one * 2.0,
        lambda one, other: one + other,
        lambda one, other: one[1:],
        lambda one, other: one.clone().t(),
        lambda one, other: torch.cat([one[:1], other[1:]]),
        lambda one, other: one[0].normal_(next(number), 0.0),
        lambda one, other: one.copy_(other),
        lambda one, other: one.mul_(other),
        lambda one, other: one.t().add_(other),
        lambda one, other: one.fill_(3.0),
        lambda one, other: one.__setitem__(0, other[1]),
        lambda one, other: torch.mul(one, other, out=one),
        lambda one, other: torch.add(one, 1.0, out=other),
        lambda one, other: one.sum().item(),
        lambda one, other: tensors.remove(one) if one is tensors[0] else None,
    ]
    for _ in range(rng.randint(3, 20)):
        try:
            made = rng.choice(calls)(rng.choice(tensors), rng.choice(tensors))
        except (RuntimeError, IndexError):
            failed += 1
            continue
        if isinstance(made, torch.Tensor) and made.dim() == 2:
            tensors.append(made)
        tensors = tensors or [torch.zeros(3, 3)]
    return [tensor.clone() for tensor in tensors], failed


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.parametrize("room", [0, 2**26])
def test_any_calls_give_what_they_give_without_the_context(filled, monkeypatch, room):
    monkeypatch.setattr("irwinhall.torch._pending._ROOM", room)
    for seed in range(300):
        expected, failed = program(seed)
        with init.replace_init(seed=1):
            found, failed_within = program(seed)
        assert failed_within == failed
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


CHANGES = {
    "constants": lambda t: t.fill_(0.0),
    "a draw": lambda t: t.normal_(),
    "a copy": lambda t: t.copy_(torch.rand(4)),
    "a part": lambda t: t[1:].zero_(),
    "out": lambda t: torch.zeros(4, out=t),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("read", [lambda *tensors: None, lambda one, two: one.tolist()])
def test_a_change_of_what_a_tensor_is_made_from_comes_too_late_for_it(filled, change, read):
    with init.replace_init(seed=1):
        one, other = torch.randn(4), torch.randn(4)
        double, total = one * 2, one + other
        read(one, other)
        expected, added = one.clone(), other.clone()
        CHANGES[change](one)
        CHANGES[change](other)
    assert torch.equal(double, expected * 2)
    assert torch.equal(total, expected + added)
    assert total.isfinite().all()


@pytest.mark.parametrize("change", CHANGES)
def test_so_does_one_in_a_context_within(filled, change):
    with init.replace_init(seed=1):
        one = torch.randn(4)
        double = one * 2
        with init.replace_init(seed=2):
            CHANGES[change](one)
    expected = init.normal_(torch.empty(4), seed=1, name="/0")
    assert torch.equal(double, expected * 2)


def test_a_result_may_be_written_to_an_argument(filled):
    with init.replace_init(seed=1):
        one, two = torch.randn(4), torch.randn(4)
        torch.mul(one, 2.0, out=one)
        torch.add(one, two, out=two[:])
    first = init.normal_(torch.empty(4), seed=1, name="/0") * 2.0
    assert torch.equal(one, first)
    assert torch.equal(two, first + init.normal_(torch.empty(4), seed=1, name="/1"))


FAILING = {
    "copy": lambda t: t.copy_(torch.ones(5)),
    "copy of a draw": lambda t: t.copy_(torch.randn(5)),
    "product with a draw": lambda t: t.mul_(torch.rand(5)),
    "index": lambda t: t.__setitem__(9, 0.0),
    "out": lambda t: torch.add(torch.ones(2), torch.ones(3), out=t),
    "type": lambda t: t.to(torch.int64).add_(torch.rand(4)),
}


@pytest.mark.parametrize("call", FAILING)
def test_a_call_that_fails_does_so_at_once_and_changes_nothing(filled, call):
    with init.replace_init(seed=1):
        tensor = torch.randn(4)
        with pytest.raises((RuntimeError, IndexError)):
            FAILING[call](tensor)
        other = torch.rand(3)
    assert torch.equal(tensor, init.normal_(torch.empty(4), seed=1, name="/0"))
    assert other.isfinite().all()


def test_values_are_made_although_others_cannot_be(filled, monkeypatch):
    def fail(tensor, **arguments):
        if not tensor.is_meta and tensor.numel() == 4:
            raise MemoryError
        return init.uniform_(tensor, **arguments)

    monkeypatch.setattr("irwinhall.torch._draws.ours.uniform_", fail)
    kept = []
    with pytest.raises(MemoryError), init.replace_init(seed=1):
        kept += [torch.rand(4), torch.rand(3), torch.rand(4), torch.rand(3)]
    assert [tensor.isfinite().all().item() for tensor in kept] == [False, True, False, True]


def test_inference_mode_within(filled):
    with init.replace_init(seed=1) as report:
        with torch.inference_mode():
            scaled, layer = torch.randn(4) * 2, nn.Linear(3, 3)
        module = nn.ModuleList([layer, nn.Linear(3, 3)])
    assert torch.equal(scaled, init.normal_(torch.empty(4), seed=1, name="/0") * 2)
    expected = init.kaiming_uniform_(torch.empty(3, 3), math.sqrt(5), seed=1, name="0.weight")
    assert torch.equal(module[0].weight.detach(), expected)
    assert report.missed == ()


def test_memory_that_nothing_can_read_is_given_back(monkeypatch):
    monkeypatch.setattr("irwinhall.torch._pending._ROOM", 1000)
    with init.replace_init(seed=1) as report:
        kept = torch.randn(100) + torch.randn(100)
        for _ in range(50):
            (torch.randn(100) * 2).add_(kept)
        tensors = [each for each in gc.get_objects() if type(each) is torch.Tensor]
        assert sum(tensor.shape == (100,) for tensor in tensors) < 30
        del tensors
    first, second = (init.normal_(torch.empty(100), seed=1, name=name) for name in ("/0", "/1"))
    assert torch.equal(kept, first + second)
    assert list(unnamed(report)) == ["/0", "/1"]


TRANSFORMS = {
    "vmap": (lambda w: torch.vmap(torch.sum)(w), lambda w: w.sum(1)),
    "grad": (lambda w: torch.func.grad(lambda x: (x * x).sum())(w), lambda w: 2 * w),
    "captured": (
        lambda w: torch.vmap(lambda i: (w * 2)[0] + i)(torch.zeros(2, 3)),
        lambda w: w[0].mul(2).expand(2, 3),
    ),
    "jvp": (
        lambda w: torch.func.jvp(lambda x: x * x, (w,), (torch.ones(3, 3),))[1],
        lambda w: 2 * w,
    ),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch uses it for jvp
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_of_torch_func_read_values(filled, name):
    transform, expected = TRANSFORMS[name]
    with init.replace_init(seed=1):
        weight = torch.randn(3, 3)
        result = transform(weight)
    torch.testing.assert_close(result, expected(weight))


def test_hooks_of_a_backward_pass_read_values(filled):
    with init.replace_init(seed=1):
        weight, x = torch.randn(3), torch.ones(3, requires_grad=True)
        y = x * 1.0
        y.register_hook(lambda gradient: gradient * weight)
        y.sum().backward()
    assert torch.equal(x.grad, weight)


def test_a_tensor_that_asks_for_the_value_of_another_to_be_like_it(filled):
    with init.replace_init(seed=1):
        weight = torch.randn(2)
        made = torch.full_like(weight, weight[0]), torch.ones(2).new_full((3,), weight[1])
    assert torch.equal(made[0], weight[0].expand(2))
    assert torch.equal(made[1], weight[1].expand(3))


@pytest.mark.parametrize("shared", [torch.from_numpy, lambda array: torch.empty(4)])
def test_an_array_of_numpy_sees_the_values_at_once(filled, shared):
    tensor = shared(np.zeros(4, np.float32))
    with init.replace_init(seed=1) as report:
        array = tensor.numpy()
        tensor.normal_()
        seen = array.copy()
        tensor.copy_(torch.rand(4))
        array[:] = 7.0
    assert (seen == Stream(1, "/0").normal(4)).all()
    assert tensor.tolist() == [7.0] * 4
    assert unnamed(report)["/0"] == "memory that NumPy or another process may read"


def test_a_subclass_of_tensor_stays_one(filled):
    class Special(torch.Tensor):
        pass

    with init.replace_init(seed=1):
        special = torch.randn(4).as_subclass(Special)
        double = special * 2
    assert type(double) is Special
    assert torch.equal(double, special * 2)


def test_a_draw_after_values_were_read_has_the_parameters_name():
    with init.replace_init(seed=1) as report:
        layer = nn.Linear(4, 4, bias=False)
        layer.weight.sum().item()
        nn.init.normal_(layer.weight)
    assert torch.equal(layer.weight, init.normal_(torch.empty(4, 4), seed=1, name="weight"))
    assert (report.rows[0].scheme, report.rows[0].note) == ("normal", "")


def test_new_memory_in_the_place_of_what_was_read_has_no_draw():
    with init.replace_init(seed=1) as report:
        for _ in range(20):
            torch.randn(1000).sum().item()
        kept = [Holder(lambda: torch.zeros(1000)) for _ in range(20)]
    assert report.left_alone == tuple(f"{number}.weight" for number in range(len(kept)))


def test_a_move_to_where_a_model_is_asks_for_no_values():
    for where in ("cpu", torch.device("cpu")):
        model, report = built(lambda where=where: nn.Linear(4, 4).to(where, torch.float64))
        assert unnamed(report) == {}
        expected = init.kaiming_uniform_(torch.empty(4, 4), math.sqrt(5), seed=1, name="weight")
        assert torch.equal(model.weight, expected.double())


# ---- what is not ours ----------------------------------------------------------------------------

MISSED = {
    "bernoulli_": lambda: torch.empty(4).bernoulli_(0.5),
    "cauchy_": lambda: torch.empty(4).cauchy_(),
    "geometric_": lambda: torch.empty(4).geometric_(0.5),
    "random_": lambda: torch.empty(4).random_(5),
    "randperm": lambda: torch.randperm(5),
    "randint": lambda: torch.randint(5, (3,)),
    "multinomial": lambda: torch.ones(3).multinomial(2),
    "dropout": lambda: nn.functional.dropout(torch.ones(3)),
    "gumbel_softmax": lambda: nn.functional.gumbel_softmax(torch.ones(3)),
    "normal": lambda: torch.normal(torch.zeros(3), torch.ones(3)),
    "randn": lambda: torch.randn(3, dtype=torch.complex64),
}


@pytest.mark.parametrize("name", MISSED)
def test_what_torch_draws_itself_is_reported(name):
    torch.manual_seed(1)
    with init.replace_init(seed=1) as report:
        made = MISSED[name]()
    assert report.missed == (name,)
    assert made.isfinite().all() or name == "cauchy_"


def test_draws_of_other_generators_are_reported_and_those_of_no_values_are_not():
    with init.replace_init(seed=1) as report:
        torch.empty(4).bernoulli_(0.5, generator=torch.Generator())
        torch.empty(4, device="meta").bernoulli_(0.5)
    assert report.missed == ("bernoulli_",)


def test_what_our_function_refuses_when_names_are_known_is_torchs(monkeypatch):
    def refuse(tensor, **arguments):
        if not tensor.is_meta:
            raise ValueError
        return tensor

    for name in ("uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_"):
        monkeypatch.setattr(f"irwinhall.torch._draws.ours.{name}", refuse)
    monkeypatch.setattr("irwinhall.torch._draws.ours.log_of_uniform_", refuse)
    calls = {
        "uniform": lambda t: t.uniform_(2.0, 3.0),
        "normal": lambda t: t.normal_(5.0, 0.1),
        "truncated_normal": lambda t: nn.init.trunc_normal_(t, 5.0, 0.1, 4.0, 6.0),
        "orthogonal": lambda t: nn.init.orthogonal_(t, 3.0),
        "sparse": lambda t: nn.init.sparse_(t, 0.25, 3.0),
        "exponential": lambda t: t.exponential_(0.5),
    }
    for law, call in calls.items():
        torch.manual_seed(1)
        with init.replace_init(seed=1) as report:
            tensor = call(torch.empty(8, 8))
        torch.manual_seed(1)
        expected = call(torch.empty(8, 8))
        assert report.missed == (law,)
        if law == "exponential":  # from as many uniforms, in another way
            assert (tensor.min() > 0.0, 1.0 < tensor.mean() < 4.0) == (True, True)
        else:
            assert torch.equal(tensor, expected)


def test_a_change_of_torchs_generator_that_nothing_explains_is_reported():
    with init.replace_init(seed=1) as report:
        torch.manual_seed(3)
    assert report.missed == ("an unseen call, or torch.manual_seed",)


def test_torchs_generator_is_not_moved():
    before = torch.get_rng_state()
    built(lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_torchs_generator_gives_it():
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        with init.replace_init() as report:
            drawn.append(nn.Linear(3, 3))
    assert torch.equal(drawn[0].weight, drawn[1].weight)
    with init.replace_init(seed=report.seed):
        again = nn.Linear(3, 3)
    assert torch.equal(again.weight, drawn[0].weight)


ERRORS = {
    "negative std": lambda: torch.empty(3).normal_(0.0, -1.0),
    "turned interval": lambda: torch.empty(3).uniform_(2.0, 1.0),
    "no fans": lambda: nn.init.kaiming_uniform_(torch.empty(3)),
    "vector": lambda: nn.init.orthogonal_(torch.empty(3)),
    "recorded": lambda: nn.Parameter(torch.empty(3)).normal_(),
    "no rate": lambda: torch.empty(3).exponential_(-1.0),
    "no std": lambda: torch.empty(3).log_normal_(0.0, 0.0),
    "integers": lambda: torch.empty(3, dtype=torch.int64).normal_(),
    "keyword": lambda: torch.empty(3).normal_(sigma=3),
    "mode": lambda: nn.init.kaiming_uniform_(torch.empty(3, 3), mode="fan"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_torchs_errors_stay(case):
    with pytest.raises((RuntimeError, ValueError, TypeError, NotImplementedError)) as expected:
        ERRORS[case]()
    with pytest.raises(expected.type) as found, init.replace_init(seed=1):
        ERRORS[case]()
    assert str(found.value) == str(expected.value)


# ---- the context ---------------------------------------------------------------------------------


def hooks():
    module = torch.nn.modules.module
    names = ("parameter", "buffer", "module")
    return [len(getattr(module, f"_global_{name}_registration_hooks")) for name in names]


def test_everything_is_restored():
    before = hooks()
    built(lambda: nn.Linear(2, 2))
    assert hooks() == before
    assert init._replacing._active.mode is None
    torch.manual_seed(1)
    one = nn.Linear(4, 4).weight
    torch.manual_seed(1)
    assert torch.equal(nn.Linear(4, 4).weight, one)


def test_an_exception_leaves_no_tensor_without_values():
    before, layers = hooks(), []
    context = init.replace_init(seed=1)
    report = context.__enter__()
    layers += [nn.Linear(100, 100), torch.randn(100)]
    assert context.__exit__(ZeroDivisionError, ZeroDivisionError(), None) is False
    assert hooks() == before
    assert 0.09 < layers[0].weight.abs().max() <= 0.1
    assert 0.5 < layers[1].std() < 1.5
    assert len(report.rows) == 3


def test_a_half_made_module_is_filled_too():
    kept = []

    class Broken(nn.Linear):
        def __init__(self):
            super().__init__(100, 100)
            kept.append(self.weight)
            del self.in_features, self.out_features
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), init.replace_init(seed=1):
        Broken()
    assert 0.09 < kept[0].abs().max() <= 0.1


def test_names_that_cannot_be_found_are_an_error_unless_there_is_one(monkeypatch):
    def fail(roots):
        raise ZeroDivisionError

    kept = []
    monkeypatch.setattr("irwinhall.torch._replacing.named_parameters", fail)
    with pytest.raises(ZeroDivisionError), init.replace_init(seed=1):
        kept.append(nn.Linear(100, 100))
    with pytest.raises(KeyError), init.replace_init(seed=1):
        kept.extend([nn.Linear(100, 100), {}["another"]])
    assert 0.09 < kept[0].weight.abs().max() <= 0.1


def test_contexts_nest():
    with init.replace_init(seed=1) as outer:
        first = nn.Linear(3, 3)
        with init.replace_init(seed=2) as inner:
            second = nn.Linear(3, 3)
            nn.init.normal_(first.bias)
        model = nn.ModuleDict({"first": first, "second": second})
    assert inner.rows[0].name == "weight"
    assert torch.equal(
        second.weight,
        init.kaiming_uniform_(torch.empty(3, 3), math.sqrt(5), seed=2, name="weight"),
    )
    assert torch.equal(
        model["first"].weight,
        init.kaiming_uniform_(torch.empty(3, 3), math.sqrt(5), seed=1, name="first.weight"),
    )
    assert torch.equal(first.bias, init.normal_(torch.empty(3), seed=2, name="/0"))
    assert "second.weight" in outer.left_alone
    assert list(unnamed(outer)) == ["/0"]


def test_the_outermost_of_three_contexts_makes_what_the_innermost_draws_anew():
    with init.replace_init(seed=1) as outer:
        weight = torch.randn(4)
        with init.replace_init(seed=2), init.replace_init(seed=3):
            weight.normal_()
    assert torch.equal(weight, init.normal_(torch.empty(4), seed=3, name="/0"))
    assert list(unnamed(outer)) == ["/0"]


def test_other_threads_are_untouched():
    torch.manual_seed(1)
    expected = nn.Linear(50, 50).weight
    torch.manual_seed(1)
    found = []
    with init.replace_init(seed=1) as report:
        thread = threading.Thread(target=lambda: found.append(nn.Linear(50, 50)))
        thread.start()
        thread.join()
        _ = nn.Linear(2, 2)
    assert torch.equal(found[0].weight, expected)
    assert report.rows[-1].shape == (2,) or len(report.rows) <= 2


def test_threads_have_contexts_of_their_own():
    made = {}

    def make(seed):
        with init.replace_init(seed=seed):
            barrier.wait()
            made[seed] = nn.Linear(20, 20)
            barrier.wait()

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=make, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, layer in made.items():
        expected = torch.empty(20, 20)
        init.kaiming_uniform_(expected, math.sqrt(5), seed=seed, name="weight")
        assert torch.equal(layer.weight, expected)


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match="module must be a torch.nn.Module, got 3"):
        init.replace_init(3).__enter__()
    with pytest.raises(ValueError, match="seed must be left out if a generator is given"):
        init.replace_init(seed=1, generator=torch.Generator()).__enter__()
    with pytest.raises(TypeError, match="replace_init takes seed, not rng"):
        init.replace_init(rng=1)


def test_constants_leave_what_transformers_has_loaded_alone(monkeypatch):
    def constant_(tensor, val):
        return tensor if hasattr(tensor, "_is_hf_initialized") else tensor.fill_(val)

    def normal_(tensor, mean=0.0, std=1.0, generator=None):
        return tensor if hasattr(tensor, "_is_hf_initialized") else tensor.normal_(mean, std)

    loaded, other = torch.zeros(4), torch.zeros(4)
    loaded._is_hf_initialized = True
    for function in (constant_, normal_):
        function.__module__ = "transformers.initialization"
        monkeypatch.setattr(nn.init, function.__name__, function)
    with init.replace_init(seed=1):
        for tensor in (loaded, other):
            nn.init.normal_(tensor)
            nn.init.constant_(tensor, 2.0)
    assert (loaded.tolist(), other.tolist()) == ([0.0] * 4, [2.0] * 4)


# ---- models made before, meta devices, compilation, shards ---------------------------------------


def test_a_model_on_the_meta_device_is_initialized_later():
    def make():
        return nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))

    with torch.device("meta"), init.replace_init(seed=1) as report:
        model = make()
    assert {row.note for row in report.rows} == {"on the meta device, untouched"}
    assert report.missed == ()
    model.to_empty(device="cpu")
    with init.replace_init(model, seed=1):
        for module in model:
            module.reset_parameters()
    expected, _ = built(make)
    assert all(map(torch.equal, model.parameters(), expected.parameters()))


def test_a_device_context_within_counts():
    with init.replace_init(seed=1) as report, torch.device("meta"):
        layer = nn.Linear(4, 3)
        tensor = torch.randn(3)
    assert layer.weight.is_meta
    assert tensor.is_meta
    assert report.left_alone == ("weight", "bias")


def test_a_compiled_model_has_the_names_of_the_model():
    model, report = built(lambda: torch.compile(nn.Linear(4, 3), backend="eager"))
    assert [row.name for row in report.rows] == ["weight", "bias"]
    assert model(torch.ones(4)).isfinite().all()


def test_a_compiled_function_runs_in_the_context():
    function = torch.compile(lambda x: x + torch.ones(3), backend="eager")
    with init.replace_init(seed=1) as report:
        assert function(torch.ones(3)).tolist() == [2.0, 2.0, 2.0]
        layer = nn.Linear(3, 3)
        out = function(layer.weight)
    assert torch.equal(out, layer.weight + 1.0)
    assert report.missed == ()


def test_a_trace_of_the_context_itself_is_refused():
    @partial(torch.compile, backend="eager", fullgraph=True)
    def function(x):
        with init.replace_init(seed=1):
            return x + torch.randn(3)

    with pytest.raises(Exception, match=r"replace_init|context"):
        function(torch.ones(3))


def test_the_refusal_says_what_to_do(monkeypatch):
    monkeypatch.setattr("irwinhall.torch._replacing.is_dynamo_compiling", lambda: True)
    with pytest.raises(RuntimeError, match="compile the model after its context"):
        init.replace_init(seed=1).__enter__()


@pytest.fixture
def mesh():
    """Return a mesh of this process alone."""
    distributed = torch.distributed
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield distributed.device_mesh.init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


def test_the_shards_of_fsdp2_are_drawn_by_name(mesh):
    from torch.distributed.fsdp import fully_shard

    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(8, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with init.replace_init(model, seed=1) as report:
        for module in model:
            module.reset_parameters()
        nn.init.trunc_normal_(model[2].weight, std=0.02)
    assert (report.missed, unnamed(report)) == ((), {})
    one = init.kaiming_uniform_(torch.empty(4, 8), math.sqrt(5), seed=1, name="0.weight")
    two = init.trunc_normal_(torch.empty(2, 4), std=0.02, seed=1, name="2.weight")
    assert torch.equal(model[0].weight.full_tensor(), one)
    assert torch.equal(model[2].weight.full_tensor(), two)


@pytest.mark.filterwarnings("ignore:FSDP is switching")
def test_what_fsdp_materializes_itself_is_drawn_in_its_order(mesh):
    from torch.distributed.fsdp import FullyShardedDataParallel

    def start(module):
        module.to_empty(device="cpu", recurse=False)
        if isinstance(module, nn.Linear):
            module.reset_parameters()

    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))
    device = torch.device("cpu")
    with init.replace_init(model, seed=1) as report:
        sharded = FullyShardedDataParallel(model, param_init_fn=start, device_id=device)
    assert report.missed == ()
    assert [(row.name, row.note) for row in report.rows] == [("_flat_param", "4 draws; then cat")]
    flat = next(sharded.parameters())
    one = init.kaiming_uniform_(torch.empty(4, 8), math.sqrt(5), seed=1, name="_flat_param")
    assert torch.equal(flat[:32].view(4, 8), one)


# ---- the report ----------------------------------------------------------------------------------


def test_the_report_is_complete_when_the_context_has_ended():
    with init.replace_init(seed=1) as report:
        layer = nn.Linear(8, 4)
        with pytest.raises(RuntimeError, match="complete only after the context of replace_init"):
            _ = report.rows
    weight, bias = report.rows
    assert (weight.scheme, weight.shape) == ("uniform", (4, 8))
    assert (weight.scale, bias.scale) == pytest.approx((8**-0.5, 8**-0.5))
    assert weight.magnitude == pytest.approx(layer.weight.abs().mean().item())
    again = pickle.loads(pickle.dumps(report))
    assert again.rows == report.rows
    assert (again.missed, again.seed) == ((), 1)
    assert "2 parameters, 0 of them left alone; seed 1" in str(report)


def test_the_table_lists_what_torch_drew():
    with init.replace_init(seed=1) as report:
        torch.empty(3).bernoulli_()
    assert "drawn by torch itself: bernoulli_" in str(report)


@pytest.mark.parametrize("seed", [None, 3, -(2**200), b"\x00seed", np.random.SeedSequence(1)])
def test_a_seed_can_be_written_as_json(seed):
    report = init.init_weights(nn.Linear(3, 3), seed=seed)
    text = json.loads(json.dumps(report.seed))
    again, layer = nn.Linear(3, 3), nn.Linear(3, 3)
    init.init_weights(again, seed=text)
    init.init_weights(layer, seed=report.seed)
    assert torch.equal(again.weight, layer.weight)


def test_a_seed_in_text_must_be_hexadecimal():
    with pytest.raises(ValueError, match="seed must have hexadecimal digits after 'bytes:'"):
        init.normal_(torch.empty(3), seed="bytes:xyz")
    with pytest.raises(TypeError, match="seed must be a Stream, an int"):
        init.normal_(torch.empty(3), seed="00ff")


# ---- callables for configurations ----------------------------------------------------------------


def test_an_init_method_counts_its_calls():
    method = init.init_method("normal", 0.02, seed=1, name="linear")
    made = [method(torch.empty(4, 4)) for _ in range(3)]
    for number, tensor in enumerate(made):
        expected = init.normal_(torch.empty(4, 4), 0.0, 0.02, seed=1, name=f"linear/{number}")
        assert torch.equal(tensor, expected)
    assert method.calls == 3


def test_copies_of_an_init_method_do_not_repeat_weights():
    method = init.init_method("normal", 0.02, seed=1)
    one, two = copy.deepcopy({"weight": method}), copy.copy(method)
    tensors = [each(torch.empty(4, 4)) for each in (method, one["weight"], two)]
    assert not any(itertools.starmap(torch.equal, itertools.combinations(tensors, 2)))


def test_an_init_method_repeats_no_weights_in_threads():
    method = init.init_method("normal", 0.02, seed=1)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(method, [torch.empty(300, 300) for _ in range(24)]))
    streams = [Stream(1).child(str(number)) for number in range(24)]
    expected = {stream.normal((300, 300), 0.02).tobytes() for stream in streams}
    assert {tensor.numpy().tobytes() for tensor in made} == expected


def test_an_init_method_checks_its_scheme_at_once():
    with pytest.raises(ValueError, match="unknown scheme 'he_norml'"):
        init.init_method("he_norml")
    with pytest.raises(ValueError, match="seed must be left out"):
        init.init_method("normal", seed=1, generator=torch.Generator())
