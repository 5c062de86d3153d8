"""What a network is said to cost, against what torch counts when it runs."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from tmnet.networks import IQN, anatomy, costs, target_quantiles, transition_losses

from .nets import BIG, BLIND_SMALL, SMALL, TINY, WIDE, configs, network, states


def flops(call) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@settings(max_examples=25)
@given(config=configs(), batch=st.integers(1, 4))
@example(SMALL, 2)
@example(replace(BLIND_SMALL, iqn_n=2, iqn_k=64), 3)
def test_totals(config, batch):
    online, target = IQN(config), IQN(config)
    one, some = states(config, 1), states(config, batch)
    reward, discount = torch.zeros(batch), torch.ones(batch)
    action = torch.zeros(batch, dtype=torch.int64)

    def decide():
        with torch.no_grad():
            online.greedy_action(*one)

    def learn():
        goal, _ = target_quantiles(online, target, *some, reward, discount)
        transition_losses(online, *some, action, goal).sum().backward()

    totals = anatomy(config, batch).totals
    assert totals["parameters"] == sum(x.numel() for x in online.parameters())
    assert totals["flops_per_decision"] == flops(decide)
    assert totals["flops_per_batch"] == flops(learn)
    assert totals["state_bytes"] == sum(x.nbytes for x in one if x is not None)
    assert dict(totals) == costs(config, batch)


@settings(max_examples=25)
@given(config=configs())
@example(SMALL)
def test_layers(config):
    """A row a layer, in the order of the data; shapes and multiply-adds of the real ones."""
    net, inputs, n = IQN(config), states(config, 1), config.iqn_n
    table = anatomy(config).layers
    assert list(table.columns) == ["part", "layer", "output", "parameters", "macs"]
    parts = [("img_head", "image head"), ("float_feature_extractor", "float head"),
             ("iqn_fc", "quantile embedding"), ("A_head", "advantage head"),
             ("V_head", "value head")]  # fmt: skip
    real = [
        (name, layer)
        for part, name in parts
        for layer in getattr(net, part, [])
        if list(layer.parameters())
    ]
    assert list(table["part"]) == [name for name, _ in real]
    assert list(table["parameters"]) == [
        sum(x.numel() for x in layer.parameters()) for _, layer in real
    ]
    shapes = {}
    for _, layer in real:
        layer.register_forward_hook(lambda layer, _, out: shapes.update({layer: out.shape[1:]}))
    with torch.no_grad():
        total = flops(lambda: net(*inputs, n))
        features = net._features(*inputs, n, None)[0]
        for head in (net.A_head, net.V_head):
            head(features)
    assert list(table["output"]) == [tuple(shapes[layer]) for _, layer in real]
    assert 2 * table["macs"].sum() == total
    assert table["parameters"].sum() == costs(config)["parameters"]
    by_part = anatomy(config).by_part()
    assert list(by_part.index) == list(dict.fromkeys(table["part"]))
    for part, row in by_part.iterrows():
        assert row.to_dict() == table[table["part"] == part][["parameters", "macs"]].sum().to_dict()


@pytest.mark.parametrize("knob, value", [("iqn_n", 16), ("iqn_k", 64)])
def test_quantiles_are_no_parameters(knob, value):
    plain, more = costs(SMALL), costs(replace(SMALL, **{knob: value}))
    changed = {name for name in plain if plain[name] != more[name]}
    assert changed == {
        "iqn_n": {"flops_per_batch", "activation_bytes"}, "iqn_k": {"flops_per_decision"}
    }[knob]  # fmt: skip


# --- memory -------------------------------------------------------------------------------------


def bytes_kept(config, batch) -> int:
    """What is still allocated after a prediction that is to be learned from."""
    net, inputs, tau = network(config), states(config, batch), torch.zeros(batch, config.iqn_n)
    net(*inputs, tau)
    cpu = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[cpu], profile_memory=True) as profile:
        kept = net(*inputs, tau)
    assert kept[0].requires_grad
    return sum(event.self_cpu_memory_usage for event in profile.events())


@pytest.mark.parametrize("batch", [16, 64])
@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        WIDE,
        BLIND_SMALL,
        replace(SMALL, float_input_dim=0),
        replace(SMALL, iqn_n=64, iqn_embedding_dimension=512),
        replace(BLIND_SMALL, dense_hidden_dimension=4096, iqn_n=2),
        replace(BLIND_SMALL, float_hidden_dim=16, float_input_dim=4000, iqn_n=2),
    ],
    ids=["small", "120 x 160", "no image", "no floats", "quantiles", "heads", "floats"],
)
def test_activation_bytes(config, batch):
    assert costs(config, batch)["activation_bytes"] == pytest.approx(
        bytes_kept(config, batch), rel=0.1
    )


def test_activation_bytes_of_big():
    assert costs(BIG, 16)["activation_bytes"] == pytest.approx(bytes_kept(BIG, 16), rel=0.1)


OPTIONS = [(True, False), (False, True), (True, True)]


@settings(max_examples=15)
@given(config=configs(), batch=st.integers(1, 4), options=st.sampled_from(OPTIONS))
@example(SMALL, 2, (True, False))
@example(SMALL, 2, (False, True))
def test_totals_with_options(config, batch, options):
    """With pooled maps and normalised layers: parameters, and arithmetic, as torch counts it."""
    config = replace(config, global_average_pooling=options[0], layer_norm=options[1])
    online, target = IQN(config), IQN(config)
    one, some = states(config, 1), states(config, batch)
    action = torch.zeros(batch, dtype=torch.int64)

    def decide():
        with torch.no_grad():
            online.greedy_action(*one)

    def learn():
        goal, _ = target_quantiles(online, target, *some, torch.zeros(batch), torch.ones(batch))
        transition_losses(online, *some, action, goal).sum().backward()

    taken_apart = anatomy(config, batch)
    totals = taken_apart.totals
    assert totals["parameters"] == sum(x.numel() for x in online.parameters())
    assert totals["parameters"] == taken_apart.layers["parameters"].sum()
    assert totals["flops_per_decision"] == flops(decide)
    assert totals["flops_per_batch"] == flops(learn)
    norms = [layer for layer in online.modules() if isinstance(layer, torch.nn.LayerNorm)]
    rows = taken_apart.layers[taken_apart.layers["layer"].str.contains("norm")]
    assert sorted(rows["parameters"]) == sorted(2 * layer.weight.numel() for layer in norms)


@pytest.mark.parametrize("batch", [16, 64])
@pytest.mark.parametrize(
    "config",
    [
        replace(SMALL, global_average_pooling=True),
        replace(BIG, global_average_pooling=True),
        replace(SMALL, global_average_pooling=True, float_input_dim=0),
        replace(SMALL, layer_norm=True),
        replace(BLIND_SMALL, layer_norm=True),
        replace(SMALL, layer_norm=True, float_input_dim=0),
        replace(SMALL, layer_norm=True, global_average_pooling=True),
    ],
    ids=["pooled", "pooled, big", "pooled, no floats",
         "normalised", "normalised, no image", "normalised, no floats", "both"],
)  # fmt: skip
def test_activation_bytes_with_options(config, batch):
    assert costs(config, batch)["activation_bytes"] == pytest.approx(
        bytes_kept(config, batch), rel=0.006
    )


# --- times --------------------------------------------------------------------------------------


def test_measured_times():
    shares = []

    def progress(share):
        shares.append(share)
        return True

    totals = anatomy(TINY, 4, "cpu", measure=True, progress=progress).totals
    assert 0 < totals["ms_per_decision"] < 10_000 and 0 < totals["ms_per_batch"] < 10_000
    assert all(a < b for a, b in pairwise(shares))
    assert shares[0] > 0 and shares[-1] == pytest.approx(1) and max(shares) <= 1
    computed = anatomy(TINY, 4).totals
    assert totals.drop(["ms_per_decision", "ms_per_batch"]).to_dict() == computed.to_dict()


def test_progress_that_says_nothing():
    """What returns None goes on."""
    shares = []
    anatomy(TINY, 2, "cpu", measure=True, progress=shares.append)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("calls", [3, 33])
def test_stopping(calls):
    """In the decisions, and in the batches: no work after that."""
    shares = []

    def progress(share):
        shares.append(share)
        return len(shares) < calls

    totals = anatomy(TINY, 2, "cpu", measure=True, progress=progress).totals
    assert len(shares) == calls
    assert totals["ms_per_decision"] > 0  # what has been measured by then counts
