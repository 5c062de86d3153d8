"""The loss against a loop over pairs of quantiles, and the target against the network's outputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.networks import (
    draw_taus,
    quantile_huber_loss,
    target_quantiles,
    transition_losses,
)

from .nets import TINY, configs, generator, network, states


def by_loops(prediction, target, tau, kappa=0.005):
    """Loss of one transition: rows of Python numbers."""
    total = 0.0
    for goal in target:
        for guess, level in zip(prediction, tau):
            delta = goal - guess
            near = abs(delta) <= kappa
            huber = delta**2 / 2 if near else kappa * (abs(delta) - kappa / 2)
            total += abs(level - (delta < 0)) * huber / kappa
    return total / len(target)


def losses_by_loops(*rows):
    return [by_loops(*(row.tolist() for row in transition)) for transition in zip(*rows)]


@settings(max_examples=50)
@given(
    batch=st.integers(1, 4),
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    kappa=st.sampled_from([0.005, 0.1, 1.0, 3.0]),
    seed=st.integers(0, 2**32),
)
def test_quantile_huber_loss(batch, n, m, kappa, seed):
    random = np.random.default_rng(seed)
    # Multiples of kappa / 2, so that pairs meet at 0 and kappa, and others that do not.
    sizes = [(batch, n), (batch, m)]
    prediction, target = (
        torch.from_numpy(
            kappa / 2 * (random.integers(-6, 6, size) + random.integers(0, 2) * random.random(size))
        )
        for size in sizes
    )
    tau = torch.from_numpy(random.random((batch, n)))
    loss = quantile_huber_loss(prediction, target, tau, kappa)
    expected = [
        by_loops(*(rows[i].tolist() for rows in (prediction, target, tau)), kappa)
        for i in range(batch)
    ]
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-9, atol=1e-12)


def test_default_kappa():
    prediction, target = torch.zeros(1, 1), torch.tensor([[0.004, 1.0]])
    # The means of (0.004^2 / 2) / 0.005 and 1 - 0.0025, times tau.
    expected = 0.25 * (0.0016 + 0.9975) / 2
    loss = quantile_huber_loss(prediction, target, torch.tensor([[0.25]]))
    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize("kappa", [0.005, 0.8])
def test_gradient(kappa):
    random = generator(0)
    prediction, target = torch.randn(2, 3, 4, generator=random, dtype=torch.float64)
    tau = torch.rand(3, 4, generator=random, dtype=torch.float64)
    size = (target[:, :, None] - prediction[:, None, :]).abs()
    assert size.min() > 1e-3 and (size - kappa).abs().min() > 1e-3  # away from kinks
    assert kappa < 0.1 or (size < kappa).any()
    inputs = (prediction.requires_grad_(), target.requires_grad_(), tau, kappa)
    assert torch.autograd.gradcheck(quantile_huber_loss, inputs)


def test_loss_grows_with_n():
    """The same distributions, twice the quantiles: twice the loss, and the same per quantile."""
    sums = {}
    for n in (8, 16):
        tau, goals = (draw_taus(40_000, n, generator=generator(n + i)) for i in (0, 1))
        prediction = torch.special.ndtri(tau)
        target = 0.3 + 1.2 * torch.special.ndtri(goals)
        sums[n] = quantile_huber_loss(prediction, target, tau).sum().item()
    assert sums[16] / sums[8] == pytest.approx(2, abs=0.05)
    assert sums[16] / 16 == pytest.approx(sums[8] / 8, rel=0.025)


@settings(max_examples=15)
@given(config=configs(), batch=st.integers(1, 5), double=st.booleans(), seed=st.integers(0, 2**32))
def test_target_quantiles(config, batch, double, seed):
    online, target = network(config, seed), network(config, seed + 1)
    inputs = states(config, batch, seed)
    reward = torch.randn(batch, generator=generator(seed))
    discount = torch.arange(batch) % 3 / 2  # 0, 0.5, 1
    goal, _ = target_quantiles(
        online, target, *inputs, reward, discount, double, generator=generator(seed)
    )
    assert goal.dtype == torch.float32 and not goal.requires_grad

    random = generator(seed)
    n = config.iqn_n
    future = target(*inputs, draw_taus(batch, n, generator=random))[0].detach().numpy()
    quantiles, _ = online(*inputs, draw_taus(batch, n, generator=random))
    chosen = quantiles.detach().mean(dim=1).argmax(dim=1).tolist()
    expected = np.empty((batch, n))
    for i in range(batch):
        for j in range(n):
            best = future[i, j, chosen[i]] if double else max(future[i, j])
            expected[i, j] = reward[i] + discount[i] * best
    np.testing.assert_allclose(goal.numpy(), expected, rtol=1e-5, atol=1e-5)
    ended = discount == 0
    assert torch.equal(goal[ended], reward[ended, None].expand(-1, n))


def test_double_matters():
    """The target network's choice is another one, and the best per quantile is no worse."""
    online, target = network(TINY, 1), network(TINY, 2)
    inputs, zeros, ones = states(TINY, 50), torch.zeros(50), torch.ones(50)
    once, twice = (
        target_quantiles(online, target, *inputs, zeros, ones, double, generator(0))[0]
        for double in (False, True)
    )
    assert (once >= twice).all() and (once > twice + 0.01).any()


@settings(max_examples=15)
@given(config=configs(), batch=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_transition_losses(config, batch, seed):
    net, inputs = network(config, seed), states(config, batch, seed)
    action = torch.arange(batch) % config.n_actions
    goal = torch.randn(batch, 3, generator=generator(seed))
    losses = transition_losses(net, *inputs, action, goal, generator=generator(seed))
    tau = draw_taus(batch, config.iqn_n, generator=generator(seed))
    quantiles, _ = net(*inputs, tau)
    prediction = [quantiles[i, :, action[i]] for i in range(batch)]
    expected = losses_by_loops(prediction, goal, tau)
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inputs", [(True, 7), (True, 0), (False, 7)])
def test_learning(inputs):
    """Every tensor gets a gradient, and following it makes the loss small."""
    config = replace(TINY, use_image_head=inputs[0], float_input_dim=inputs[1])
    net, state = network(config), states(config, 8)
    action, goal = torch.arange(8) % 3, torch.linspace(-1, 1, 8)[:, None].expand(8, 4)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    history = []
    for step in range(300):
        loss = transition_losses(net, *state, action, goal, generator=generator(step)).sum()
        optimiser.zero_grad()
        loss.backward()
        assert step or all(tensor.grad.any() for tensor in net.parameters())
        optimiser.step()
        history.append(loss.item())
    assert np.mean(history[-10:]) < 0.2 * history[0]


def test_half_precision():
    """Under bfloat16 the loss is computed in float32."""
    net, inputs = network(TINY), states(TINY, 4)
    action, goal = torch.arange(4) % 3, torch.zeros(4, 4)
    plain = transition_losses(net, *inputs, action, goal, generator=generator(0))
    with torch.autocast("cpu", torch.bfloat16):
        half = transition_losses(net, *inputs, action, goal, generator=generator(0))
        reward = torch.full((4,), 1 + 2**-12)
        terminal, _ = target_quantiles(net, net, *inputs, reward, torch.zeros(4))
    assert half.dtype == plain.dtype == terminal.dtype == torch.float32
    torch.testing.assert_close(half, plain, rtol=0.05, atol=0.05)
    assert torch.equal(terminal, reward[:, None].expand(4, 4))
