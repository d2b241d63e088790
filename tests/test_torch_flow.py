"""activation_flow beside hooks written out, beside irwinhall.flow, and what it leaves as it was."""

import copy
import dataclasses
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from frameworks import framework

torch = framework("torch")

from torch import nn  # noqa: E402

import irwinhall  # noqa: E402
import irwinhall.torch as init  # noqa: E402
from irwinhall import flow  # noqa: E402

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"torch_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def normal(*shape, seed=2, dtype=torch.float32):
    return init.normal_(torch.empty(shape, dtype=dtype), seed=seed)


def moments(tensor):
    """Return the moments of a tensor, with nothing clever, in float64."""
    values = np.abs(tensor.detach().double().numpy())
    return values.mean(), np.square(values).mean(), (values == 0).all(axis=0).mean()


def by_hand(model, batch, loss):
    """Return name: (moments, moments of the gradient) of every module that returns a new tensor."""
    outputs = {}

    def hook(name):
        def keep(module, inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            if output.requires_grad and not any(output is each for each in outputs.values()):
                output.retain_grad()
                outputs[name] = output

        return keep

    handles = [each.register_forward_hook(hook(name)) for name, each in model.named_modules()]
    loss(model(batch)).backward()
    for handle in handles:
        handle.remove()
    return {name: (moments(x), moments(x.grad)) for name, x in outputs.items()}


def tokens(*shape):
    return torch.randint(8, shape, generator=torch.Generator().manual_seed(1))


EXAMPLE_MODELS = {
    "resnet": lambda made: (made.ResNet(), normal(16, 1, 12, 12)),
    "transformer": lambda made: (made.Transformer(), tokens(16, 31)),
    "lstm": lambda made: (made.Memory(), tokens(16, 10)),
}


@pytest.mark.parametrize("name", EXAMPLE_MODELS)
def test_the_rows_are_what_hooks_written_out_measure(name):
    model, batch = EXAMPLE_MODELS[name](example(name))
    plan = {"positions": "zeros"} if name == "transformer" else None
    init.init_weights(model, "lecun_normal", seed=1, plan=plan)

    def loss(logits):
        return logits.square().mean() + logits.sum()

    expected = by_hand(copy.deepcopy(model), batch, loss)
    rows = [row for row in init.activation_flow(model, batch, loss).rows if row.kind != "batch"]
    assert [row.name for row in rows] == list(expected)
    assert len(rows) > 2
    for row in rows:
        assert row[5:8] == pytest.approx(expected[row.name][0], rel=1e-5)
        assert row[8:] == pytest.approx(expected[row.name][1], rel=1e-5)


def stack(width, depth, scheme, activation):
    """Return the network of irwinhall.flow, with its weights."""
    layers = []
    for layer in range(1, depth + 1):
        linear = nn.Linear(width, width, bias=False, dtype=torch.float64)
        drawn = irwinhall.sample_weights((width, width), scheme, rng=5, name=f"layer.{layer}")
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(drawn.T.copy()))
        layers += [activation(), linear]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(("name", "activation"), [("relu", nn.ReLU), ("tanh", nn.Tanh)])
@pytest.mark.parametrize("scheme", ["letkeman", "he_normal", "xavier_uniform"])
def test_it_agrees_with_flow_where_the_model_is_such_a_stack(scheme, name, activation):
    (expected,) = flow.simulate([scheme], width=48, depth=12, activation=name, batch=16, rng=5)
    batch = torch.from_numpy(irwinhall.Stream(5, "input").normal((16, 48), dtype="float64"))
    found = init.activation_flow(stack(48, 12, scheme, activation), batch, seed=5)
    rows = [found.rows[0], *(row for row in found.rows if row.has_weight)]
    assert [row.magnitude for row in rows] == pytest.approx(expected.forward_magnitude, rel=1e-9)
    assert [row.mean_square for row in rows] == pytest.approx(expected.forward_variance, rel=1e-9)
    back = [row.gradient_magnitude for row in rows[1:]]
    assert back == pytest.approx(expected.backward_magnitude[1:], rel=1e-6)
    assert found.signals == pytest.approx(flow.verdict(expected.forward_variance[1:]))
    assert found.gradients.rate == pytest.approx(
        flow.verdict(expected.backward_variance[:0:-1]).rate, rel=1e-6
    )


class Branch(nn.Module):
    """One layer of irwinhall.flow: norm, activation, linear, and perhaps its input added."""

    def __init__(self, norm, linear, residual):
        super().__init__()
        self.norm, self.linear, self.residual = norm, linear, residual

    def forward(self, x):
        branch = self.linear(torch.tanh(self.norm(x)))
        return branch if self.residual is None else x + self.residual * branch


NORMS = {
    None: nn.Identity,
    "batch": lambda: nn.BatchNorm1d(24, eps=1e-300, affine=False, dtype=torch.float64),
    "layer": lambda: nn.LayerNorm(24, eps=0.0, elementwise_affine=False),
    "rms": lambda: nn.RMSNorm(24, eps=0.0, elementwise_affine=False),
}


@pytest.mark.parametrize("residual", [None, 0.7])
@pytest.mark.parametrize("norm", NORMS)
def test_flow_with_norms_and_branches_is_what_torch_makes_of_the_same(norm, residual):
    (expected,) = flow.simulate(
        ["lecun_normal"],
        width=24,
        depth=5,
        activation="tanh",
        normalization=norm,
        residual=residual,
        batch=9,
        rng=5,
    )
    linears = stack(24, 5, "lecun_normal", nn.Tanh)[1::2]
    model = nn.Sequential(*(Branch(NORMS[norm](), linear, residual) for linear in linears))
    batch = torch.from_numpy(irwinhall.Stream(5, "input").normal((9, 24), dtype="float64"))
    found = init.activation_flow(model, batch, seed=5)
    # The output of a layer is its linear module's where nothing is added to that.
    kind = "Linear" if residual is None else "Branch"
    rows = [row for row in found.rows if row.kind == kind]
    for quantity, values in (
        ([row.mean_square for row in rows], expected.forward_variance),
        ([row.magnitude for row in rows], expected.forward_magnitude),
        ([row.gradient_mean_square for row in rows], expected.backward_variance),
        ([row.gradient_magnitude for row in rows], expected.backward_magnitude),
    ):
        assert quantity == pytest.approx(values[1:], rel=1e-6)


def perceptron(scheme, depth=30, width=64):
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
    model = nn.Sequential(*layers)
    init.init_weights(model, scheme, seed=1)
    return model


@pytest.mark.parametrize(
    ("scheme", "word"),
    [
        ("he_normal", "kept"),
        ("xavier_normal", "vanishing"),
        ("he_normal_fan_out", "kept"),
    ],
)
def test_the_verdict_is_that_of_the_theory(scheme, word):
    found = init.activation_flow(perceptron(scheme), normal(32, 64))
    assert (found.signals.word, found.gradients.word) == (word, word)
    assert found.signals.layers == found.gradients.layers == 30


def test_gains_that_are_too_large_explode():
    model = perceptron("he_normal")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 2
    found = init.activation_flow(model, normal(32, 64))
    assert (found.signals.word, found.gradients.word) == ("exploding", "exploding")
    assert found.signals.rate == pytest.approx(4, rel=0.2)
    with pytest.raises(AssertionError, match="mean square of signals exploding: times"):
        found.check()


def test_what_overflows_explodes():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    init.init_weights(model, "normal", gain=1e30, seed=1)
    assert init.activation_flow(model, normal(8, 4)).signals.word == "exploding"


def test_biases_that_kill_every_unit_are_dead():
    model = perceptron("he_normal", depth=4)
    with torch.no_grad():
        model[2].bias.fill_(-1e3)
    found = init.activation_flow(model, normal(32, 64))
    rows = {row.name: row for row in found.rows}
    assert (rows["1"].dead, rows["3"].dead, rows["3"].mean_square) == (0, 1, 0)
    assert (found.signals.word, found.gradients.word) == ("dead", "dead")


def test_branches_that_start_as_nothing_leave_the_model_alive():
    model = example("resnet").ResNet()
    init.init_weights(
        model, "he_normal_fan_out", seed=1, residual="blocks.*.norm2.weight", residual_factor=0
    )
    found = init.activation_flow(model, normal(16, 1, 12, 12))
    rows = {row.name: row for row in found.rows}
    assert rows["blocks.0.norm2"].dead == rows["blocks.0.conv1"].gradient_dead == 1
    found.check()


def test_a_unit_is_dead_if_it_is_0_in_every_sample():
    model = nn.Sequential(nn.Linear(6, 6, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.diag(torch.tensor([1.0, -1, 1, -1, -1, 1])))
    batch = torch.ones(37, 6)
    assert [row.dead for row in init.activation_flow(model, batch).rows] == [0, 0, 0.5]
    batch[35, 1] = -1  # one sample, neither the first nor the last
    assert init.activation_flow(model, batch).rows[2].dead == pytest.approx(1 / 3)
    assert init.activation_flow(model, batch).rows[1].gradient_dead == pytest.approx(1 / 3)


# ---- modules that do something of their own ------------------------------------------------------


def test_a_module_that_is_run_again_has_a_row_each_time():
    layer = nn.Linear(8, 8)
    found = init.activation_flow(nn.Sequential(layer, nn.Tanh(), layer), normal(16, 8))
    assert [(row.name, row.call) for row in found.rows[1:]] == [("0", 0), ("1", 0), ("0", 1)]
    assert "0, call 2  Linear" in str(found)
    assert found.rows[1].mean_square != found.rows[3].mean_square


def test_what_is_changed_in_place_is_measured_before_and_after():
    plain, inplace = (
        nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=how), nn.Linear(8, 3))
        for how in (False, True)
    )
    inplace.load_state_dict(plain.state_dict())
    batch = normal(16, 8)
    one, other = (init.activation_flow(model, batch).rows for model in (plain, inplace))
    assert one == other


class Returns(nn.Module):
    """Returns the output of a layer in some container."""

    def __init__(self, how):
        super().__init__()
        self.layer, self.how = nn.Linear(8, 8), how

    def forward(self, x):
        return self.how(2 * self.layer(x))


@dataclasses.dataclass
class Output:
    count: int
    logits: torch.Tensor


@pytest.mark.parametrize(
    "how",
    [
        lambda y: (y, y + 1),
        lambda y: [None, y],
        lambda y: {"mask": y > 0, "logits": y},
        lambda y: (torch.zeros(()), {"inner": (y,)}),
        lambda y: Output(3, y),
    ],
)
def test_the_first_tensor_of_an_output_is_measured(how):
    model = Returns(how)
    batch = normal(16, 8)
    rows = init.activation_flow(model, batch).rows
    assert [row.kind for row in rows] == ["batch", "Linear", "Returns"]
    assert rows[2].magnitude == pytest.approx(2 * rows[1].magnitude)
    assert rows[1].gradient_magnitude == pytest.approx(2 * rows[2].gradient_magnitude)


@pytest.mark.parametrize(
    "batch", [(normal(4, 3), normal(4, 3)), {"input1": normal(4, 3), "input2": normal(4, 3)}]
)
def test_a_batch_of_several_arguments(batch):
    assert len(init.activation_flow(nn.Bilinear(3, 3, 2), batch).rows) == 2


def test_complex_values_are_measured_by_their_absolute_values():
    layer = nn.Linear(8, 8, dtype=torch.complex64)
    batch = torch.complex(normal(16, 8), normal(16, 8, seed=3))
    row = init.activation_flow(layer, batch, lambda y: y.abs().sum()).rows[1]
    expected = layer(batch).abs().detach()
    assert row.magnitude == pytest.approx(float(expected.mean()))
    assert row.mean_square == pytest.approx(float(expected.square().mean()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_every_float_type(dtype):
    layer = nn.Linear(64, 64, dtype=dtype)
    batch = normal(2000, 64, dtype=dtype)  # in several pieces
    row = init.activation_flow(layer, batch).rows[1]
    assert row[5:8] == pytest.approx(moments(layer(batch)), rel=1e-5)


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e-12, 1e12, 1e30, 3e37])
def test_squares_beyond_float32_are_right(size):
    batch = normal(40, 50) * size
    row = init.activation_flow(nn.Linear(50, 2), batch).rows[0]
    assert row[5:8] == pytest.approx(moments(batch), rel=1e-5)


def test_parametrized_weights_are_weights():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
    rows = init.activation_flow(layer, normal(4, 8)).rows
    assert [(row.kind, row.has_weight) for row in rows[1:]] == [("ParametrizedLinear", True)]


def test_widths_that_change_do_not_change_the_verdict():
    model = nn.Sequential(*(nn.Linear(n, m) for n, m in [(64, 1024), (1024, 64)] * 6))
    init.init_weights(model, "lecun_normal", seed=1)
    found = init.activation_flow(model, normal(64, 64))
    assert found.rows[1].gradient_mean_square < 0.2 * found.rows[2].gradient_mean_square
    assert found.signals.rate == pytest.approx(1, abs=0.1)
    assert found.gradients.rate == pytest.approx(1, abs=0.1)


def test_frozen_layers_have_no_gradient_before_the_first_that_has_one():
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)).requires_grad_(False)
    model[2].requires_grad_(True)
    found = init.activation_flow(model, normal(4, 8))
    assert [row.gradient_magnitude is None for row in found.rows] == [True, True, True, False]
    assert math.isnan(found.gradients.rate)
    assert "too few with a signal" in str(found.gradients)


# ---- what it leaves as it was --------------------------------------------------------------------


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten())
    model.train()
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[0].weight.register_post_accumulate_grad_hook(lambda p: pytest.fail("accumulated"))
    before = copy.deepcopy(model.state_dict())
    state = torch.random.get_rng_state()
    with torch.no_grad():
        found = init.activation_flow(model, normal(8, 3, 9, 9))
        assert not torch.is_grad_enabled()
    assert found.rows[2].kind == "BatchNorm2d"
    assert found.rows[2].mean_square == pytest.approx(1, rel=1e-3)  # the batch's own statistics
    assert found.rows[1].gradient_magnitude > 0
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert (model[0].weight.grad == 1).all()
    assert model[1].weight.grad is None
    assert not any(each._forward_hooks for each in model.modules())


def test_an_error_of_the_model_is_passed_on_and_leaves_no_hooks():
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 8), nn.Linear(5, 8))
    with pytest.raises(RuntimeError):
        init.activation_flow(model, normal(4, 8))
    assert not any(each._forward_hooks for each in model.modules())
    assert (model[0].running_mean == 0).all()


def test_the_model_is_run_once():
    class Counting(nn.Linear):
        calls = 0

        def forward(self, x):
            Counting.calls += 1
            return super().forward(x)

    init.activation_flow(Counting(8, 8), normal(4, 8))
    assert Counting.calls == 1


def test_a_compiled_model_is_looked_at_as_it_was_before():
    model, batch = perceptron("he_normal", depth=2), normal(8, 64)
    compiled = torch.compile(model, backend="eager")
    assert init.activation_flow(compiled, batch) == init.activation_flow(model, batch)


# ---- what it shows -------------------------------------------------------------------------------


def test_it_can_be_drawn_beside_others():
    plots = pytest.importorskip("irwinhall.tables.plots")
    pytest.importorskip("matplotlib")
    flows = [
        init.activation_flow(perceptron(scheme, depth=5), normal(8, 64)).as_flow(scheme)
        for scheme in ("he_normal", "letkeman")
    ]
    assert [panel.get_title() for panel in plots.flow_figure(flows).axes] == [
        "Signals, forward",
        "Gradients, backward",
    ]
    assert np.isnan(flows[0].backward_magnitude[0])  # the batch
    assert len(flows[0].forward_magnitude) == 11


def test_the_table_names_the_batch_and_the_whole_model():
    lines = str(init.activation_flow(Returns(lambda y: y), normal(4, 8))).splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["(batch)", "layer", "(Returns)"]


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "loss", "error", "message"),
    [
        (3, None, TypeError, "^model must be a torch.nn.Module, got 3"),
        (nn.ReLU(), None, ValueError, "^the model's output must hold a tensor that has a gradient"),
        (nn.Linear(8, 8), lambda y: y, ValueError, "^loss must return a scalar tensor, got "),
        (nn.Linear(8, 8), lambda y: 1.0, ValueError, "^loss must return a scalar tensor, got 1.0"),
        (nn.Linear(8, 8), lambda y: y.detach().sum(), ValueError, "^loss must depend on the model"),
    ],
)
def test_bad_arguments_are_named(model, loss, error, message):
    with pytest.raises(error, match=message):
        init.activation_flow(model, normal(4, 8), loss)
