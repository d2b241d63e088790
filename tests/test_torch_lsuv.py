"""lsuv_ on models whose variances are measured apart, and what it must leave as it was."""

import copy

import numpy as np
import pytest
from frameworks import framework

torch = framework("torch")

from torch import nn  # noqa: E402

import irwinhall.torch as init  # noqa: E402
from irwinhall import lsuv  # noqa: E402

BATCH = init.normal_(torch.empty(200, 32), seed=2)


def made(*layers, scheme="orthogonal"):
    model = nn.Sequential(*layers)
    init.init_weights(model, scheme, seed=1)
    return model


def perceptron(**how):
    return made(
        nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10), **how
    )


def variances(model, *batch):
    """Return the variance of the output of each layer that has a weight, in evaluation mode."""
    found = {}

    def record(name):
        def hook(layer, inputs, output):
            found.setdefault(name, float(output.detach().double().var(correction=0)))

        return hook

    hooks = [
        layer.register_forward_hook(record(name))
        for name, layer in model.named_modules()
        if hasattr(layer, "weight")
    ]
    training = model.training
    model.eval()(*batch)
    model.train(training)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("scheme", ["orthogonal", "letkeman", "he_normal"])
def test_every_layer_gets_unit_variance_in_one_pass(scheme):
    model = perceptron(scheme=scheme)
    report = init.lsuv_(model, BATCH, tolerance=1e-6)
    assert variances(model, BATCH) == pytest.approx({"0": 1, "2": 1, "4": 1}, rel=1e-5)
    assert list(report.layers) == ["0.weight", "2.weight", "4.weight"]
    assert all(done.converged for done in report.layers.values())


def test_it_does_what_the_numpy_function_does():
    model = perceptron()
    weights = [model[i].weight.detach().numpy().T.copy() for i in (0, 2, 4)]
    first = lambda w, x: x @ w  # noqa: E731
    after = lambda w, x: np.maximum(x, 0) @ w  # noqa: E731
    rescaled, reports = lsuv.rescale([first, after, after], weights, BATCH.numpy(), variance=2.0)
    done = init.lsuv_(model, BATCH, variance=2.0)
    for one, other in zip(done.layers.values(), reports, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for i, weight in zip((0, 2, 4), rescaled, strict=True):
        np.testing.assert_allclose(model[i].weight.detach().numpy().T, weight, rtol=1e-4)


def test_convolutions_in_every_direction():
    model = made(
        nn.Conv2d(3, 8, 3, groups=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(8, 4, 3, groups=2),
        nn.Flatten(1),
        nn.Linear(4 * 64, 5),
        scheme="he_normal",
    )
    images = init.uniform_(torch.empty(20, 3, 8, 8), -1, 1, seed=1)
    init.lsuv_(model, images, tolerance=1e-4)
    found = variances(model, images)
    assert [found[name] for name in "035"] == pytest.approx([1, 1, 1], rel=1e-3)


def test_modes_hooks_buffers_and_gradients_are_as_they_were():
    model = made(nn.Linear(32, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4))
    model[2].eval()
    seen = []
    model[0].register_forward_hook(lambda *given: seen.append(float(given[2].detach().var())))
    modes = [module.training for module in model.modules()]
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    random = torch.get_rng_state()
    init.lsuv_(model, BATCH)
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())
    assert [len(module._forward_hooks) for module in model] == [1, 0, 0, 0]
    assert seen == [pytest.approx(1.0, rel=0.01)]
    assert torch.equal(random, torch.get_rng_state())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    model(BATCH).sum().backward()


def test_weights_within_other_layers_are_reported():
    model = nn.Sequential(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), nn.Linear(32, 3))
    init.init_weights(model, seed=1)
    report = init.lsuv_(model, BATCH[None], layers=("*.linear?.*", "*self_attn*", "1.*"))
    assert list(report.layers) == ["0.linear1.weight", "0.linear2.weight", "1.weight"]
    assert report.left_alone == {
        "0.self_attn.in_proj_weight": "within MultiheadAttention",
        "0.self_attn.out_proj.weight": "not run as a layer",
    }
    lines = str(report).splitlines()
    assert lines[0].split() == ["weight", "variance", "after", "factor", "steps", "note"]
    assert lines[-1].split(maxsplit=1) == ["0.self_attn.out_proj.weight", "not run as a layer"]


def test_a_layer_that_is_run_twice_and_a_tied_weight_are_rescaled_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(32, 32), nn.Linear(32, 32)
            self.second.weight = self.first.weight

        def forward(self, x, scale):
            return self.second(self.first(self.first(x))) * scale

    model = Twice()
    init.init_weights(model, "he_normal", seed=1)
    report = init.lsuv_(model, {"x": BATCH, "scale": 2.0}, tolerance=1e-4)
    assert list(report.layers) == ["first.weight"]
    assert report.left_alone == {"second.weight": "tied to first.weight"}
    assert variances(model, BATCH, 2.0)["first"] == pytest.approx(1.0, rel=1e-3)


def test_a_batch_may_be_several_arguments():
    model = nn.Bilinear(32, 32, 8)
    init.init_weights(model, seed=1)
    report = init.lsuv_(model, (BATCH, BATCH.flip(0)))
    assert report.layers["weight"].converged


def test_a_layer_that_cannot_reach_the_variance_says_so():
    class Bounded(nn.Linear):
        def forward(self, x):
            return torch.tanh(super().forward(x))

    model = Bounded(32, 8)
    report = init.lsuv_(model, BATCH, variance=2.0)
    assert not report.layers["weight"].converged
    assert "not converged" in str(report)


def test_a_compiled_model_is_rescaled_as_it_was_before():
    model, other = perceptron(), perceptron()
    init.lsuv_(torch.compile(model, backend="eager"), BATCH)
    init.lsuv_(other, BATCH)
    assert torch.equal(model[4].weight, other[4].weight)


def test_only_what_is_asked_for_is_rescaled():
    model = perceptron()
    before = copy.deepcopy(model.state_dict())
    report = init.lsuv_(model, BATCH, layers=nn.Linear)
    assert len(report.layers) == 3
    model.load_state_dict(before)
    report = init.lsuv_(model, BATCH, layers="2.*")
    assert report.left_alone == {"0.weight": "not asked for", "4.weight": "not asked for"}
    assert torch.equal(model[0].weight, before["0.weight"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_weights_keep_their_type(dtype):
    model = perceptron().to(dtype)
    report = init.lsuv_(model, BATCH.to(dtype), tolerance=0.02)
    assert all(done.converged for done in report.layers.values())
    assert model[0].weight.dtype == dtype


class Fails(nn.Module):
    def forward(self, x):
        raise RuntimeError("no")


def fill_last(value):
    def change(model):
        with torch.no_grad():
            model[4].weight.fill_(value)

    return change


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (fill_last(0.0), ZeroDivisionError, "4.weight is dead"),
        (fill_last(float("inf")), OverflowError, "4.weight must return finite values"),
        (lambda model: model.append(Fails()), RuntimeError, "no"),
    ],
)
def test_if_anything_fails_the_model_is_as_it_was(change, error, message):
    model = perceptron()
    change(model)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=message):
        init.lsuv_(model, BATCH, variance=3.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"variance": 0}, ValueError, "variance must be finite and positive"),
        ({"tolerance": "1"}, TypeError, "tolerance must be a real number"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1"),
        ({"layers": "5.*"}, ValueError, r"layers must name weights .*, got '5.\*'"),
        ({"layers": nn.ReLU}, ValueError, "layers must name weights"),
        ({"layers": [3]}, TypeError, "layers must have strings, .* as patterns, got 3"),
        ({"batch": BATCH[:0]}, ValueError, "0.weight must return values, got shape .0"),
    ],
)
def test_bad_input_is_named(how, error, message):
    with pytest.raises(error, match=message):
        init.lsuv_(perceptron(), **{"batch": BATCH, **how})


def test_what_is_no_module_is_named():
    with pytest.raises(TypeError, match="module must be a torch.nn.Module, got 3"):
        init.lsuv_(3, BATCH)


def test_a_weight_that_an_embedding_shares_is_left_alone():
    tokens, head = nn.Embedding(100, 16), nn.Linear(16, 100, bias=False)
    head.weight = tokens.weight
    model = nn.Sequential(tokens, nn.Linear(16, 16), head)
    init.init_weights(model, "normal", gain=0.3, seed=1)
    report = init.lsuv_(model, torch.arange(100))
    assert report.left_alone == {"0.weight": "within Embedding", "2.weight": "tied to 0.weight"}
    assert model[:2](torch.arange(100)).var().item() == pytest.approx(1.0, rel=0.02)
