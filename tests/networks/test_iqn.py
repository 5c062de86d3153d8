"""The network against its published sizes, and against the same in NumPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tmnet.networks import IQN, NetworkConfig, anatomy, draw_taus

from ..checks import refused
from .nets import (  # fmt: skip
    BIG,
    BLIND_BIG,
    BLIND_SMALL,
    SMALL,
    TINY,
    WIDE,
    configs,
    generator,
    network,
    states,
)

PARTS = {
    "img_head": "image head",
    "float_feature_extractor": "float head",
    "iqn_fc": "quantile embedding",
    "A_head": "advantage head",
    "V_head": "value head",
}
# --- the published sizes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config, total, parts, maps",
    [
        (SMALL, 1_051_805, (45_456, 113_152, 99_072, 399_884, 394_241),
         [(16, 31, 31), (32, 14, 14), (64, 6, 6), (32, 4, 4)]),
        (BIG, 6_397_085, (45_456, 113_152, 1_250_048, 2_497_036, 2_491_393),
         [(16, 63, 63), (32, 30, 30), (64, 14, 14), (32, 12, 12)]),
        (WIDE, 6_578_333, (45_456, 113_152, 5888 * 65, 5889 * 512 + 513 * 12, 5889 * 512 + 513),
         [(16, 59, 79), (32, 28, 38), (64, 13, 18), (32, 11, 16)]),
        (BLIND_SMALL, 416_013, (0, 113_152, 256 * 129, 257 * 512 + 513 * 12, 257 * 512 + 513), []),
        (BLIND_BIG, 448_781, (0, 113_152, 256 * 257, 257 * 512 + 513 * 12, 257 * 512 + 513), []),
    ],
    ids=["small", "big", "120 x 160", "no image, 128", "no image, 256"],
)  # fmt: skip
def test_published_sizes(config, total, parts, maps):
    net, table = IQN(config), anatomy(config)
    counts = dict.fromkeys(PARTS, 0)
    for name, tensor in net.named_parameters():
        counts[name.split(".")[0]] += tensor.numel()
    assert tuple(counts.values()) == parts
    assert sum(parts) == total == table.totals["parameters"]
    by_part = table.by_part()["parameters"]
    assert {name: by_part.get(PARTS[name], 0) for name in PARTS} == counts

    seen = []
    if config.use_image_head:
        for layer in net.img_head:
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(lambda *args: seen.append(tuple(args[2].shape[1:])))
    quantiles, tau = net(*states(config, 2), 4)
    assert (tuple(quantiles.shape), tuple(tau.shape)) == ((2, 4, 12), (2, 4))
    layers = table.layers
    assert seen == maps == list(layers.loc[layers["part"] == "image head", "output"])


def test_presets():
    assert (SMALL.iqn_n, SMALL.iqn_k) == (8, 32)
    assert (BIG.iqn_n, BIG.iqn_k) == (16, 64)


# --- the same in NumPy --------------------------------------------------------------------------


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def convolution(x, weight, bias, stride):
    size = weight.shape[2]
    patches = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    patches = patches[:, :, ::stride, ::stride]  # (B, inputs, H, W, size, size)
    return np.einsum("bihwkl,oikl->bohw", patches, weight) + bias[:, None, None]


def weights_of(net):
    return {name: tensor.double().numpy() for name, tensor in net.state_dict().items()}


def in_numpy(w, image, floats, tau):
    """Quantiles (B, n, A) in float64, from the specification."""

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    parts = []
    if image is not None:
        grey = image.numpy().astype(float)
        x = (grey - 128) / 128 if image.dtype == torch.uint8 else grey
        for i, stride in zip((0, 2, 4, 6), (2, 2, 2, 1)):
            name = f"img_head.{i}"
            x = leaky(convolution(x, w[f"{name}.weight"], w[f"{name}.bias"], stride))
        parts.append(x.reshape(len(x), -1))
    if floats is not None:
        x = (floats.numpy().astype(float) - w["float_mean"]) / w["float_std"]
        for i in (0, 2):
            x = leaky(linear(x, f"float_feature_extractor.{i}"))
        parts.append(x)
    z = np.concatenate(parts, axis=1)
    i = np.arange(1, w["iqn_fc.0.weight"].shape[1] + 1)
    rows = []
    for column in tau.numpy().astype(float).T:  # one quantile at a time
        x = z * leaky(linear(np.cos(np.pi * i * column[:, None]), "iqn_fc.0"))
        advantage = linear(leaky(linear(x, "A_head.0")), "A_head.2")
        value = linear(leaky(linear(x, "V_head.0")), "V_head.2")
        rows.append(value + advantage - advantage.mean(axis=1, keepdims=True))
    return np.stack(rows, axis=1)


@settings(max_examples=20)
@given(
    config=configs(),
    batch=st.integers(1, 4),
    n=st.integers(1, 5),
    dtype=st.sampled_from([torch.uint8, torch.float32]),
    seed=st.integers(0, 2**32),
)
@example(SMALL, 2, 8, torch.uint8, 0)
@example(BLIND_SMALL, 2, 3, torch.uint8, 1)
@example(replace(TINY, float_input_dim=0, w_downsized=67), 3, 2, torch.float32, 2)
def test_outputs(config, batch, n, dtype, seed):
    net = network(config, seed)
    image, floats = states(config, batch, seed, dtype)
    tau = torch.rand(batch, n, generator=generator(seed))
    inputs = [None if x is None else x.clone() for x in (image, floats, tau)]
    expected = in_numpy(weights_of(net), image, floats, tau)
    # The argument of the fastest cosine, pi * E * tau, is a float32.
    tolerance = (1e-5 + 2e-7 * config.iqn_embedding_dimension) * np.abs(expected).max()
    with torch.no_grad():
        quantiles, returned = net(image, floats, tau)
        np.testing.assert_allclose(quantiles.numpy(), expected, rtol=0, atol=tolerance)
        assert torch.equal(returned, tau)
        mean = net.mean_q(image, floats, tau).numpy()
        np.testing.assert_allclose(mean, expected.mean(axis=1), rtol=0, atol=tolerance)
        action = net.greedy_action(image, floats, tau).numpy()
    of_action = expected.mean(axis=1)[np.arange(batch), action]
    assert np.all(of_action >= expected.mean(axis=1).max(axis=1) - 2 * tolerance)
    for before, after in zip(inputs, (image, floats, tau)):
        assert before is None or torch.equal(before, after)  # computed in place, but not there


def test_greedy_action_varies():
    """Not one action everywhere, and each is the argmax of the mean with the same taus."""
    net = network(TINY)
    image, floats = states(TINY, 200)
    action = net.greedy_action(image, floats, generator=generator(3))
    mean = net.mean_q(image, floats, generator=generator(3))
    tau = draw_taus(200, TINY.iqn_k, generator=generator(3))
    torch.testing.assert_close(mean, net(image, floats, tau)[0].mean(dim=1))
    assert action.bincount().max() < 190
    first, second = mean.topk(2, dim=1).values.T
    clear = first - second > 1e-4
    assert clear.sum() > 150 and torch.equal(action[clear], mean.argmax(dim=1)[clear])


@pytest.mark.parametrize("inputs", [(True, 7), (True, 0), (False, 7)])
def test_gradients(inputs):
    """Each tensor's, along a random direction, against differences in NumPy."""
    config = replace(TINY, use_image_head=inputs[0], float_input_dim=inputs[1])
    net, (image, floats) = network(config), states(config, 3)
    random = np.random.default_rng(0)
    tau, of_loss = torch.rand(3, 4, generator=generator(0)), random.normal(size=(3, 4, 3))
    (net(image, floats, tau)[0] * torch.as_tensor(of_loss)).sum().backward()
    for name, tensor in net.named_parameters():
        direction = random.normal(size=tensor.shape)
        ends = []
        for step in (-1e-6, 1e-6):
            w = weights_of(net)
            w[name] = w[name] + step * direction
            ends.append((in_numpy(w, image, floats, tau) * of_loss).sum())
        computed = (tensor.grad.double().numpy() * direction).sum()
        assert computed == pytest.approx((ends[1] - ends[0]) / 2e-6, rel=1e-3, abs=1e-4), name


def test_mean_and_deviation():
    """They are buffers: no gradient, but moved and saved with the network."""
    mean, std = torch.arange(7.0), torch.arange(1.0, 8)
    net = IQN(TINY, mean, std)
    assert not {"float_mean", "float_std"} & dict(net.named_parameters()).keys()
    assert torch.equal(net.state_dict()["float_mean"], mean)
    assert torch.equal(net.state_dict()["float_std"], std)
    refused(lambda: IQN(TINY, mean[:6]), "float_mean", "(6,)", "(7,)")
    refused(lambda: IQN(TINY, mean, std[:, None]), "float_std", "(7, 1)", "(7,)")


# --- quantiles ----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(batch=st.integers(1, 50), pairs=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_taus(batch, pairs, seed):
    n = 2 * pairs
    tau = draw_taus(batch, n, generator=generator(seed))
    assert tau.shape == (batch, n) and tau.dtype == torch.float32
    assert torch.equal(tau, draw_taus(batch, n, generator=generator(seed)))
    assert not torch.equal(tau, draw_taus(batch, n, generator=generator(seed + 1)))
    values = np.sort(tau.double().numpy(), axis=1)
    assert values.min() > 0 and values.max() < 1
    np.testing.assert_allclose(values, 1 - values[:, ::-1], atol=1e-7)
    strata = np.arange(n) / n  # one in each
    assert np.all(values >= strata - 1e-7) and np.all(values <= strata + 1 / n + 1e-7)


@pytest.mark.parametrize("n", [2, 8])
def test_taus_are_uniform(n):
    tau = draw_taus(20_000, n, generator=generator(0)).double()
    counts = torch.histc(tau, 40, 0, 1) / tau.numel()
    np.testing.assert_allclose(counts, 1 / 40, rtol=0.05)
    # Drawn anew for each state and each stratum.
    correlation = np.corrcoef(tau[:, : n // 2].numpy().T).reshape(n // 2, -1)
    np.testing.assert_allclose(correlation, np.eye(n // 2), atol=0.03)
    assert len(tau.unique()) > 0.9 * tau.numel()


def test_taus_that_the_network_draws():
    net, inputs = network(TINY), states(TINY, 5)
    quantiles, tau = net(*inputs, 4, generator(1))
    assert torch.equal(tau, draw_taus(5, 4, generator=generator(1)))
    assert torch.equal(quantiles, net(*inputs, tau)[0])
    assert not torch.equal(net(*inputs, 4)[1], net(*inputs, 4)[1])


@pytest.mark.parametrize("n", [-2, 0, 1, 7])
def test_odd_number_of_taus(n):
    refused(lambda: draw_taus(3, n), n, "even")
    refused(lambda: network(TINY)(*states(TINY, 2), n), n, "even")


# --- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [SMALL, TINY, BLIND_SMALL], ids=["small", "tiny", "no image"])
def test_initialisation(config):
    hidden = math.sqrt(2 / (1 + 0.01**2))
    gains = {"iqn_fc.0": math.sqrt(2) * hidden, "A_head.2": 1, "V_head.2": 1}
    for name, tensor in IQN(config).named_parameters():
        layer, kind = name.rsplit(".", 1)
        if kind == "bias":
            assert not tensor.any(), name
        else:
            singular = np.linalg.svd(tensor.detach().double().flatten(1).numpy(), compute_uv=False)
            np.testing.assert_allclose(singular, gains.get(layer, hidden), rtol=1e-5)


def test_seed_of_the_weights():
    one, same, other = (IQN(TINY, generator=generator(seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    weights = [name for name in one if name.endswith("weight")]
    # A 1 x 1 or 1 x n matrix could come out the same; none of these is one.
    assert len(weights) == 11 and not any(torch.equal(one[name], other[name]) for name in weights)


# --- half precision, and NaN --------------------------------------------------------------------


def assert_close_to(expected, quantiles, tolerance):
    assert quantiles.isfinite().all()
    assert (quantiles.float() - expected).abs().max() < tolerance * expected.abs().max()


@pytest.mark.parametrize("config", [SMALL, replace(TINY, float_input_dim=0), BLIND_SMALL],
                         ids=["small", "no floats", "no image"])  # fmt: skip
@torch.no_grad()
def test_half_precision(config):
    net, inputs = network(config), states(config, 16)
    tau = draw_taus(16, 8, generator=generator(0))
    expected = net(*inputs, tau)[0]
    with torch.autocast("cpu", torch.bfloat16):
        quantiles, returned = net(*inputs, tau)
    assert quantiles.dtype == torch.float32 and not torch.equal(quantiles, expected)
    assert_close_to(expected, quantiles, 0.01)
    assert torch.equal(returned, tau)  # not rounded
    halved = net.to(torch.bfloat16)
    quantiles, returned = halved(*inputs, tau)
    assert quantiles.dtype == torch.bfloat16
    assert_close_to(expected, quantiles, 0.03)
    assert torch.equal(returned, tau)


@torch.no_grad()
def test_half_precision_of_large_floats():
    """A point 390 m ahead, give or take 2 m: its mean must not be rounded to bfloat16."""
    floats, tau = 390.7 + 2 * torch.randn(16, 7, generator=generator(0)), torch.rand(16, 4)
    net = IQN(replace(TINY, use_image_head=False), torch.full((7,), 390.7), torch.full((7,), 2.0))
    expected = net(None, floats, tau)[0]
    assert_close_to(expected, net.to(torch.bfloat16)(None, floats, tau)[0], 0.05)


@pytest.mark.parametrize("where", ["image", "floats", "tau"])
@torch.no_grad()
def test_nan_stays_in_its_state(where):
    net = network(TINY)
    image, floats = states(TINY, 5, dtype=torch.float32)
    tau = torch.rand(5, 4, generator=generator(0))
    clean = net(image, floats, tau)[0]
    action = net.greedy_action(image, floats, tau)
    {"image": image[2, 0, 3], "floats": floats[2], "tau": tau[2]}[where][1] = math.nan
    quantiles = net(image, floats, tau)[0]
    others = [0, 1, 3, 4]
    assert torch.equal(quantiles[others], clean[others])
    assert torch.equal(net.greedy_action(image, floats, tau)[others], action[others])
    assert quantiles[2, 1].isnan().all()
    assert quantiles[2, 0].isnan().all() == (where != "tau")


# --- bad input ----------------------------------------------------------------------------------

WHOLE = ["w_downsized", "h_downsized", "iqn_embedding_dimension", "iqn_n", "iqn_k"]
WHOLE += ["float_hidden_dim", "dense_hidden_dimension", "float_input_dim", "n_actions"]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [-2, 2.0, "2", None, True, math.nan])
def test_sizes_that_are_none(name, value):
    refused(lambda: NetworkConfig(**{name: value}), name, repr(value))


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "float_input_dim"])
def test_zero(name):
    refused(lambda: NetworkConfig(**{name: 0}), name, "at least 1")


def test_fewer_than_no_floats():
    """0 floats are allowed, so that a negative number is not told to be greater than 0."""
    with pytest.raises(ValueError, match="float_input_dim is -1") as caught:
        NetworkConfig(float_input_dim=-1)
    assert "greater than 0" not in str(caught.value)


@pytest.mark.parametrize("name", ["iqn_n", "iqn_k", "dense_hidden_dimension"])
def test_odd_sizes(name):
    refused(lambda: NetworkConfig(**{name: 7}), name, 7, "even")


@pytest.mark.parametrize("name", ["w_downsized", "h_downsized"])
def test_smallest_image(name):
    refused(lambda: NetworkConfig(**{name: 33}), name, 33, 34)
    config = replace(TINY, **{name: 34})
    assert network(config)(*states(config, 2), 2)[0].isfinite().all()
    # No image, no limit.
    assert NetworkConfig(use_image_head=False, **{name: 1}).float_input_dim == 184


def test_no_input():
    refused(lambda: NetworkConfig(use_image_head=False, float_input_dim=0), "no input")


@pytest.mark.parametrize("value", [1, "yes", None])
def test_use_image_head(value):
    refused(lambda: NetworkConfig(use_image_head=value), "use_image_head", repr(value))


IMAGE, FLOATS = states(TINY, 2)


@pytest.mark.parametrize("method", ["__call__", "mean_q", "greedy_action"])
@pytest.mark.parametrize(
    "image, floats, tau, words",
    [
        (None, FLOATS, 2, ["needs an image"]),
        (IMAGE, None, 2, ["needs a float vector"]),
        (IMAGE, FLOATS[:, :6], 2, ["float vector", "(2, 6)", "(B, 7)"]),
        (IMAGE, FLOATS[0], 2, ["float vector", "(7,)", "(B, 7)"]),
        (IMAGE[..., :34], FLOATS, 2, ["image", "(2, 1, 34, 34)", "(B, 1, 34, 40)"]),
        (IMAGE.mT, FLOATS, 2, ["image", "(2, 1, 40, 34)", "(B, 1, 34, 40)"]),
        (IMAGE[:, 0], FLOATS, 2, ["image", "(2, 34, 40)", "(B, 1, 34, 40)"]),
        (IMAGE[:1], FLOATS, 2, ["image", "float vector", 1, 2]),
        (IMAGE, FLOATS, torch.zeros(3, 4), ["tau", "(3, 4)", "(2, n)"]),
        (IMAGE, FLOATS, torch.zeros(4), ["tau", "(4,)", "(2, n)"]),
        (IMAGE, FLOATS, 3, [3, "even"]),
    ],
    ids=[
        "no image", "no floats", "few floats", "one state", "narrow image", "turned image",
        "no channel", "batches differ", "batch of tau", "tau of one state", "odd n",
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit(method, image, floats, tau, words):
    refused(lambda: getattr(network(TINY), method)(image, floats, tau), *words)


# --- pooled maps, and normalised layers ---------------------------------------------------------

PARTS_OF_NORM = {"norm": "quantile embedding", "A_norm": "advantage head", "V_norm": "value head"}


def optional_configs():
    """Small networks with pooled maps, with normalised layers, or both."""
    options = st.sampled_from([(True, False), (False, True), (True, True)])
    return st.builds(
        lambda config, on: replace(config, global_average_pooling=on[0], layer_norm=on[1]),
        configs(),
        options,
    )


def optional_network(config, seed=0):
    """A network whose normalisers scale at random, too."""
    net, random = network(config, seed), generator(seed)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, torch.nn.LayerNorm):
                layer.weight.uniform_(0.5, 2, generator=random)
    return net


@pytest.mark.parametrize(
    "config, width, parts",
    [  # weights and biases of: image, floats, embedding, advantages, values
        (replace(SMALL, global_average_pooling=True), 32 + 256,
         (45_456, 113_152, 288 * 129, 289 * 512 + 513 * 12, 289 * 512 + 513)),
        (replace(BIG, global_average_pooling=True), 32 + 256,
         (45_456, 113_152, 288 * 257, 289 * 512 + 513 * 12, 289 * 512 + 513)),
        (replace(SMALL, global_average_pooling=True, float_input_dim=0), 32,
         (45_456, 0, 32 * 129, 33 * 512 + 513 * 12, 33 * 512 + 513)),
        (replace(BLIND_SMALL, global_average_pooling=True), 256,
         (0, 113_152, 256 * 129, 257 * 512 + 513 * 12, 257 * 512 + 513)),
        (replace(SMALL, layer_norm=True), 768,
         (45_456, 113_152 + 4 * 256, 99_072 + 2 * 768, 399_884 + 1024, 394_241 + 1024)),
        (replace(BIG, layer_norm=True), 4864,
         (45_456, 113_152 + 4 * 256, 1_250_048 + 2 * 4864, 2_497_036 + 1024, 2_491_393 + 1024)),
        (replace(SMALL, layer_norm=True, global_average_pooling=True), 288,
         (45_456, 113_152 + 4 * 256, 288 * 131, 289 * 512 + 513 * 12 + 1024,
          289 * 512 + 513 + 1024)),
    ],
    ids=["pooled", "pooled, big", "pooled, no floats", "pooled, no image", "normalised",
         "normalised, big", "both"],
)  # fmt: skip
def test_sizes_with_options(config, width, parts):
    net, table = IQN(config), anatomy(config)
    assert net.iqn_fc[0].out_features == width
    counts = dict.fromkeys(PARTS.values(), 0)
    for name, tensor in net.named_parameters():
        module = name.split(".")[0]
        counts[(PARTS | PARTS_OF_NORM)[module]] += tensor.numel()
    assert tuple(counts.values()) == parts
    assert sum(parts) == table.totals["parameters"]
    by_part = table.by_part()["parameters"]
    assert {name: by_part.get(name, 0) for name in counts} == counts


def with_options(net, image, floats, tau):
    """Quantiles (B, n, A) in float64: the same, with what the options add."""
    config = net.config
    w = {name: tensor.double() for name, tensor in net.state_dict().items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        if not config.layer_norm:
            return x
        centred = x - x.mean(dim=-1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def leaky(x):
        return torch.where(x > 0, x, 0.01 * x)

    parts = []
    if image is not None:
        x = (image.double() - 128) / 128
        for i, stride in zip((0, 2, 4, 6), (2, 2, 2, 1)):
            name = f"img_head.{i}"
            x = leaky(functional.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride))
        parts.append(x.mean(dim=(2, 3)) if config.global_average_pooling else x.flatten(1))
    if floats is not None:
        x = (floats.double() - w["float_mean"]) / w["float_std"]
        # with normalisers between: linear, norm, activation, linear, norm, activation
        for i in (0, 3) if config.layer_norm else (0, 2):
            name = "float_feature_extractor"
            x = leaky(norm(linear(x, f"{name}.{i}"), f"{name}.{i + 1}"))
        parts.append(x)
    z = norm(torch.cat(parts, dim=1), "norm")
    order = torch.arange(1, config.iqn_embedding_dimension + 1)
    columns = []
    for column in tau.double().T:
        x = z * leaky(linear(torch.cos(math.pi * order * column[:, None]), "iqn_fc.0"))
        advantage = linear(leaky(norm(linear(x, "A_head.0"), "A_norm")), "A_head.2")
        value = linear(leaky(norm(linear(x, "V_head.0"), "V_norm")), "V_head.2")
        columns.append(value + advantage - advantage.mean(dim=1, keepdim=True))
    return torch.stack(columns, dim=1)


@settings(max_examples=20)
@given(config=optional_configs(), batch=st.integers(1, 4), seed=st.integers(0, 2**32))
@example(replace(SMALL, layer_norm=True, global_average_pooling=True), 2, 0)
@example(replace(BLIND_SMALL, layer_norm=True), 2, 0)
@example(replace(SMALL, global_average_pooling=True, float_input_dim=0), 2, 0)
def test_outputs_with_options(config, batch, seed):
    net = optional_network(config, seed)
    image, floats = states(config, batch, seed)
    tau = torch.rand(batch, 3, generator=generator(seed))
    inputs = [None if x is None else x.clone() for x in (image, floats, tau)]
    expected = with_options(net, image, floats, tau)
    # What is normalised may be very small before.
    tolerance = 1e-3 * max(1, expected.abs().max())
    with torch.no_grad():
        quantiles, _ = net(image, floats, tau)
        torch.testing.assert_close(quantiles.double(), expected, rtol=0, atol=tolerance)
        mean = net.mean_q(image, floats, tau).double()
        torch.testing.assert_close(mean, expected.mean(dim=1), rtol=0, atol=tolerance)
        action = net.greedy_action(image, floats, tau)
    best = expected.mean(dim=1)
    assert (best[torch.arange(batch), action] >= best.max(dim=1).values - 2 * tolerance).all()
    for before, after in zip(inputs, (image, floats, tau)):
        assert before is None or torch.equal(before, after)


@pytest.mark.parametrize("pooled, normalised", [(True, False), (False, True), (True, True)])
def test_greedy_action_with_options(pooled, normalised):
    """The argmax of the mean with the same taus, and not one action everywhere."""
    config = replace(TINY, global_average_pooling=pooled, layer_norm=normalised)
    net = optional_network(config)
    image, floats = states(config, 200)
    tau = draw_taus(200, 6, generator=generator(3))
    with torch.no_grad():
        net.A_head[2].bias -= net.mean_q(image, floats, tau).mean(dim=0)  # none is best everywhere
        action, mean = net.greedy_action(image, floats, tau), net.mean_q(image, floats, tau)
    assert action.bincount().max() < 150
    first, second = mean.topk(2, dim=1).values.T
    clear = first - second > 1e-4
    assert clear.sum() > 150 and torch.equal(action[clear], mean.argmax(dim=1)[clear])


def test_each_state_is_normalised_by_itself():
    """And every quantile of it: others in the batch change nothing."""
    net = optional_network(replace(TINY, layer_norm=True))
    image, floats = states(TINY, 5)
    tau = torch.rand(5, 4, generator=generator(0))
    with torch.no_grad():
        together = net(image, floats, tau)[0]
        for i in range(5):
            alone = net(image[i : i + 1], floats[i : i + 1], tau[i : i + 1, 2:3])[0]
            torch.testing.assert_close(alone[0, 0], together[i, 2], rtol=1e-4, atol=1e-5)
        assert torch.equal(net.eval()(image, floats, tau)[0], together)


@pytest.mark.parametrize("pooled, normalised", [(True, False), (False, True), (True, True)])
def test_options_have_gradients(pooled, normalised):
    """Of every tensor, those of the same computation in float64."""
    config = replace(TINY, global_average_pooling=pooled, layer_norm=normalised)
    net, (image, floats) = optional_network(config), states(config, 3)
    tau = torch.rand(3, 4, generator=generator(0))
    of_loss = torch.randn(3, 4, 3, generator=generator(1))
    (net(image, floats, tau)[0] * of_loss).sum().backward()
    double = optional_network(config).double()
    weights = dict(double.named_parameters())
    double.state_dict = lambda: weights | dict(double.named_buffers())
    (with_options(double, image, floats, tau) * of_loss).sum().backward()
    for name, tensor in net.named_parameters():
        expected = weights[name].grad.float()
        assert expected.any(), name
        torch.testing.assert_close(tensor.grad, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", ["global_average_pooling", "layer_norm"])
def test_options_are_not_public(tmp_path, name):
    path = tmp_path / "weights.torch"
    refused(lambda: IQN(replace(TINY, **{name: True})).save_public(path), name)
    assert not path.exists()


def test_new_networks_normalise_plainly():
    net = IQN(replace(TINY, layer_norm=True))
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.LayerNorm)]
    assert len(layers) == 5
    assert all((layer.weight == 1).all() and not layer.bias.any() for layer in layers)
    assert not any(isinstance(layer, torch.nn.LayerNorm) for layer in IQN(TINY).modules())


@pytest.mark.parametrize("pooled, normalised", [(True, False), (False, True)])
@torch.no_grad()
def test_half_precision_with_options(pooled, normalised):
    config = replace(SMALL, global_average_pooling=pooled, layer_norm=normalised)
    net, inputs = network(config), states(config, 16)
    tau = draw_taus(16, 8, generator=generator(0))
    expected = net(*inputs, tau)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert_close_to(expected, net(*inputs, tau)[0], 0.05)
