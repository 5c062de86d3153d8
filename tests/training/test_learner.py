"""The learner against the same in float64, written out from the specification."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from tmnet.experiments.config import Training
from tmnet.networks import NetworkConfig
from tmnet.networks.loss import target_quantiles
from tmnet.training.learner import Learner
from tmnet.training.memory import Batch

from ..networks.nets import TINY, generator, network, states

LR = 0.01
BLIND = replace(TINY, use_image_head=False)


def random_batch(
    size: int, seed: int = 0, config: NetworkConfig = TINY, weighted: bool = False
) -> Batch:
    random = generator(seed)
    discount = torch.rand(size, generator=random) * (torch.arange(size) % 3 > 0)
    return Batch(
        *states(config, size, seed),
        *states(config, size, seed + 1000),
        action=torch.randint(config.n_actions, (size,), generator=random),
        reward=torch.randn(size, generator=random),
        discount=discount,
        index=torch.arange(size),
        weight=torch.rand(size, generator=random) if weighted else None,
    )


def terminal_batch(size: int, reward: float = 1.0) -> Batch:
    """The target is the same number for all quantiles, so that it has no loss against itself."""
    batch = random_batch(size, config=BLIND)
    return replace(batch, discount=torch.zeros(size), reward=torch.full((size,), reward))


# --- the same in float64 ------------------------------------------------------------------------


def quantiles_of(w: dict, image, floats, tau):
    """(B, n, A), by name of the weights."""

    def linear(x, name):
        return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def leaky(x):
        return torch.where(x > 0, x, 0.01 * x)

    x = (image.double() - 128) / 128
    for i, stride in zip((0, 2, 4, 6), (2, 2, 2, 1)):
        name = f"img_head.{i}"
        x = leaky(functional.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride))
    y = (floats.double() - w["float_mean"]) / w["float_std"]
    for i in (0, 2):
        y = leaky(linear(y, f"float_feature_extractor.{i}"))
    z = torch.cat([x.flatten(1), y], dim=1)
    order = torch.arange(1, w["iqn_fc.0.weight"].shape[1] + 1)
    columns = []
    for t in tau.double().T:
        embedded = leaky(linear(torch.cos(math.pi * order * t[:, None]), "iqn_fc.0"))
        advantage = linear(leaky(linear(z * embedded, "A_head.0")), "A_head.2")
        value = linear(leaky(linear(z * embedded, "V_head.0")), "V_head.2")
        columns.append(value + advantage - advantage.mean(dim=1, keepdim=True))
    return torch.stack(columns, dim=1)


def taus(batch: int, n: int, random: torch.Generator):
    lower = (torch.arange(n // 2) + torch.rand(batch, n // 2, generator=random)) / n
    return torch.cat([lower, 1 - lower], dim=1).double()


def huber_quantile(prediction, target, tau, kappa):
    """The loss of each transition, one pair of quantiles at a time: (B,)."""
    total = 0
    for target_i in target.T:
        for prediction_j, tau_j in zip(prediction.T, tau.T):
            delta = target_i - prediction_j
            square, line = delta**2 / 2, kappa * (delta.abs() - kappa / 2)
            huber = torch.where(delta.abs() <= kappa, square, line)
            total = total + (tau_j - (delta < 0).double()).abs() * huber / kappa
    return total / target.shape[1]


class Reference:
    """What the specification says about learning, in float64 and without an optimiser of torch."""

    def __init__(self, net, settings: Training, target=None):
        self.n, self.settings = net.config.iqn_n, settings
        self.names = [name for name, _ in net.named_parameters()]
        self.w = {name: x.detach().double() for name, x in net.state_dict().items()}
        self.target = {
            name: x.detach().double() for name, x in (target or net).state_dict().items()
        }
        self.m, self.v = ({name: torch.zeros_like(self.w[name]) for name in self.names}
                          for _ in range(2))  # fmt: skip
        self.batches = self.sampled = self.updates = 0
        self.average = self.clamped_average = 0.01

    def losses(self, w, batch, random):
        """Losses and weights of the transitions, and the averages after them."""
        settings, size = self.settings, len(batch.action)
        rows = torch.arange(size)
        tau = taus(size, self.n, random)
        future = quantiles_of(self.target, batch.next_image, batch.next_floats, tau)
        if settings.double_dqn:
            q = quantiles_of(w, batch.next_image, batch.next_floats, taus(size, self.n, random))
            future = future[rows, :, q.mean(dim=1).argmax(dim=1)]
        else:
            future = future.max(dim=2).values
        goal = (batch.reward.double()[:, None] + batch.discount.double()[:, None] * future).detach()
        predicted_tau = taus(size, self.n, random)
        predicted = quantiles_of(w, batch.image, batch.floats, predicted_tau)[rows, :, batch.action]
        losses = huber_quantile(predicted, goal, predicted_tau, settings.kappa)
        weights = torch.ones(size).double() if batch.weight is None else batch.weight.double()
        own = huber_quantile(goal, goal, tau, settings.kappa).sqrt()
        return losses, weights, own

    def self_loss_weights(self, own, average, clamped_average, moves):
        ratio = self.settings.self_loss_ratio
        if moves:
            average = 0.99 * average + 0.01 * own.mean()
        c = torch.maximum(own, torch.as_tensor(average / ratio).expand_as(own))
        if moves:
            clamped_average = 0.99 * clamped_average + 0.01 * c.mean()
        return clamped_average / c, average, clamped_average

    def loss(self, w, batch, random, moves: bool):
        losses, weights, own = self.losses(w, batch, random)
        if self.settings.self_loss_ratio is not None:
            more, average, clamped = self.self_loss_weights(
                own, self.average, self.clamped_average, moves
            )
            weights = weights * more
            if moves:
                self.average, self.clamped_average = average, clamped
        return (losses * weights).sum(), losses.detach()

    def learn(self, batch: Batch, lr: float, random: torch.Generator):
        settings, names = self.settings, self.names
        w = {name: x.clone().requires_grad_(name in names) for name, x in self.w.items()}
        loss, losses = self.loss(w, batch, random, moves=True)
        gradients = torch.autograd.grad(loss, [w[name] for name in names])
        norm = sum((g**2).sum() for g in gradients).sqrt()
        shorter = min(1.0, settings.clip_grad_norm / norm)
        self.batches += 1
        t, b1, b2 = self.batches, settings.adam_beta1, settings.adam_beta2
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)
        for name, gradient in zip(names, gradients):
            most = settings.clip_grad_value
            g = (gradient * shorter).clamp(-most, most)
            self.m[name] = b1 * self.m[name] + (1 - b1) * g
            self.v[name] = b2 * self.v[name] + (1 - b2) * g**2
            step = self.m[name] / (1 - b1**t)
            if length > 5:  # the variance can be told: Liu et al. 2020, algorithm 2
                rectified = ((length - 4) * (length - 2) * longest) / (
                    (longest - 4) * (longest - 2) * length
                )
                root = self.v[name].sqrt() + settings.adam_epsilon
                step = step * math.sqrt(rectified) * math.sqrt(1 - b2**t) / root
            self.w[name] = (self.w[name] - lr * step) * (1 - settings.weight_decay * lr)
        self.sampled += len(batch.action)
        while self.updates < self.sampled // settings.target_update_every:
            share = settings.target_update_share
            for name in names:
                self.target[name] = (1 - share) * self.target[name] + share * self.w[name]
            self.updates += 1
        return loss.item(), norm.item(), losses


def assert_same(learner: Learner, reference: Reference, tolerance: float) -> None:
    for found, expected in ((learner.online, reference.w), (learner.target, reference.target)):
        for name, tensor in found.state_dict().items():
            error = (tensor.double() - expected[name]).abs().max()
            assert error < tolerance, name
    assert learner.self_loss.item() == pytest.approx(float(reference.average), rel=1e-4)
    assert learner.clamped_self_loss.item() == pytest.approx(
        float(reference.clamped_average), rel=1e-4
    )
    assert (learner.batches, learner.target_updates) == (reference.batches, reference.updates)
    averages = learner.state_dict()["optimiser"]["state"]  # as of the single parameters
    for i, name in enumerate(reference.names):
        for found, expected in (("exp_avg", reference.m), ("exp_avg_sq", reference.v)):
            error = (averages[i][found].double() - expected[name]).norm()
            assert error <= 1e-3 * expected[name].norm(), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"clip_grad_norm": 0.5, "clip_grad_value": 1.0},
        {"clip_grad_norm": 5.0, "clip_grad_value": 0.05},
        {"double_dqn": False},
        {"self_loss_ratio": None},
        {"self_loss_ratio": 1.0, "kappa": 1.0},
        {"weight_decay": 3.0, "target_update_every": 14, "target_update_share": 0.3},
        {"adam_beta1": 0.5, "adam_beta2": 0.8, "adam_epsilon": 0.1},
    ],
    ids=lambda values: ", ".join(values) or "published",
)
def test_batches(values, weighted):
    """Eight of them: weights, target weights, averages, losses and norms are the reference's."""
    settings = Training(**{"target_update_every": 20} | values)
    learner = Learner(network(TINY, 1), settings)
    reference = Reference(learner.online, settings)
    one, other = generator(3), generator(3)
    for i in range(8):
        batch = random_batch(6, 10 + i, weighted=weighted)
        lr = LR / (1 + i)
        learned = learner.learn(batch, lr, one)
        loss, norm, losses = reference.learn(batch, lr, other)
        assert learned.loss.item() == pytest.approx(loss, rel=2e-4)
        assert learned.grad_norm.item() == pytest.approx(norm, rel=2e-3)
        torch.testing.assert_close(learned.losses.double(), losses, rtol=1e-3, atol=1e-4)
        assert not (learned.loss.requires_grad or learned.losses.requires_grad)
    assert reference.updates == 8 * 6 // settings.target_update_every > 1
    assert_same(learner, reference, 2e-5)


def test_averages_of_single_parameters():
    """Checkpoints hold what an optimiser of the single parameters would, and older ones were
    written by one."""
    single = network(TINY, 1)
    settings = {"lr": LR, "eps": 1e-4}
    optimiser = torch.optim.RAdam(single.parameters(), **settings)
    for i in range(7):
        for parameter in single.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator(i))
        optimiser.step()
    learner = Learner(network(TINY, 2), Training())
    state = learner.state_dict() | {"online": single.state_dict(), "batches": 7}
    learner.load_state_dict(state | {"optimiser": optimiser.state_dict()})
    learner.learn(random_batch(6, 1), LR, generator(1))
    for parameter, whole in zip(single.parameters(), learner.parameters):
        parameter.grad = whole.grad.clone()
    optimiser.step()
    for parameter, whole in zip(single.parameters(), learner.parameters):
        expected = parameter * (1 - Training.weight_decay * LR)
        torch.testing.assert_close(whole, expected, rtol=1e-5, atol=1e-7)


def test_settings_matter():
    """So that the test above can fail: each changes the weights by far more than it tolerates."""

    def weights(**values):
        learner = Learner(network(TINY, 1), Training(**{"target_update_every": 6} | values))
        for i in range(3):
            learner.learn(random_batch(6, i), LR, generator(i))
        return torch.cat([x.flatten() for x in learner.parameters])

    plain = weights()
    for values in (
        {"clip_grad_norm": 0.5},
        {"clip_grad_value": 0.05},
        {"double_dqn": False},
        {"self_loss_ratio": None},
        {"kappa": 1.0},
        {"weight_decay": 0.0},
        {"target_update_share": 0.5},
        {"adam_beta1": 0.5},
    ):
        assert (weights(**values) - plain).abs().max() > 2e-4, values


def test_loss_is_a_sum():
    """Twice the same transitions: twice the loss, but for the quantiles that are drawn."""
    settings = Training(self_loss_ratio=None)
    batch = random_batch(2000, config=BLIND)
    twice = {name: None if x is None else torch.cat([x, x]) for name, x in vars(batch).items()}
    once, double = (
        Learner(network(BLIND), settings).learn(x, 1e-6, generator(0))
        for x in (batch, Batch(**twice))
    )
    assert double.loss.item() == pytest.approx(2 * once.loss.item(), rel=0.02)
    assert once.loss.item() == pytest.approx(once.losses.sum().item(), rel=1e-5)
    assert len(once.losses) == 2000


def test_no_step_but_decay():
    """Where the gradient is nothing, a parameter shrinks by 0.1 times the learning rate."""
    net = network(BLIND)
    before = [x.detach().clone() for x in net.parameters()]
    learner = Learner(net, Training(self_loss_ratio=None))
    batch = replace(random_batch(4, config=BLIND), weight=torch.zeros(4))
    for i in range(3):
        assert learner.learn(batch, 0.5, generator(i)).grad_norm == 0
    for old, new in zip(before, net.parameters()):
        torch.testing.assert_close(new, old * 0.95**3, rtol=1e-6, atol=0)


# --- the target network -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [512, 300, 2048, 2049, 5000])
def test_target_updates(size):
    """One for every 2048 transitions, also where batches do not divide that, or are larger."""
    learner = Learner(network(BLIND), Training())
    random = generator(0)
    batch = random_batch(size, config=BLIND)
    old = [x.detach().clone() for x in learner.parameters]
    for count in range(1, 9):
        learner.learn(batch, LR, random)
        updates = size * count // 2048 - size * (count - 1) // 2048
        assert learner.target_updates == size * count // 2048
        for before, online, target in zip(old, learner.parameters, learner.target.parameters()):
            share = 0.98**updates
            torch.testing.assert_close(target, share * before + (1 - share) * online.detach())
            before.copy_(target)
            assert updates or torch.equal(before, target)


def test_target_begins_as_a_copy():
    net = network(TINY)
    learner = Learner(net, Training())
    assert learner.online is net
    pairs = list(zip(net.state_dict().values(), learner.target.state_dict().values()))
    assert all(torch.equal(a, b) and a.data_ptr() != b.data_ptr() for a, b in pairs)
    assert not any(x.requires_grad for x in learner.target.parameters())
    before = [x.clone() for x in learner.target.parameters()]
    learner.learn(random_batch(8), LR, generator(0))
    assert all(torch.equal(a, b) for a, b in zip(before, learner.target.parameters()))


# --- weighting by the target's own loss ---------------------------------------------------------


def test_self_loss_by_hand():
    """Of terminal transitions it is 0, and the average decays; weights are averages over clamps."""
    learner = Learner(network(BLIND), Training(weight_decay=0.0))
    batch, random = terminal_batch(5), generator(0)
    average = clamped = 0.01
    for i in range(6):
        average *= 0.99  # 0.0099, 0.009801, …
        c = average / 4
        clamped = 0.99 * clamped + 0.01 * c
        learned = learner.learn(batch, 1e-9, random)
        expected = clamped / c * learned.losses.sum().item()
        assert learned.loss.item() == pytest.approx(expected, rel=1e-5)
        assert learner.self_loss.item() == pytest.approx(average, rel=1e-5)
        assert learner.clamped_self_loss.item() == pytest.approx(clamped, rel=1e-5)
        if i == 0:
            assert learned.loss / learned.losses.sum() == pytest.approx(0.00992475 / 0.002475)


def test_uncertain_targets_weigh_less():
    """Half of the targets spread, half do not."""
    learner = Learner(network(BLIND), Training())
    batch = random_batch(200, config=BLIND)
    sure = torch.arange(200) % 2 == 0
    batch = replace(batch, discount=torch.where(sure, 0.0, 1.0))
    for i in range(50):
        learner.learn(batch, 1e-9, generator(i))
    ratio = {}
    for name, weight in (("sure", sure.float()), ("spread", (~sure).float())):
        loss = learner.test(replace(batch, weight=weight), generator(0))
        plain = Learner(learner.online, Training(self_loss_ratio=None))
        plain.target = learner.target
        ratio[name] = loss / plain.test(replace(batch, weight=weight), generator(0))
    assert ratio["sure"] > 2 * ratio["spread"]


# --- test batches -------------------------------------------------------------------------------


def copy_of_state(learner: Learner) -> dict:
    file = io.BytesIO()
    torch.save(learner.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_equal_states(one, other) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal_states(one[name], other[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for pair in zip(one, other):
            assert_equal_states(*pair)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other) and one.dtype == other.dtype
    else:
        assert one == other


@pytest.mark.parametrize("ratio", [None, 4.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_test_batches(ratio, weighted):
    """Their loss is the reference's, and they change nothing."""
    settings = Training(self_loss_ratio=ratio, target_update_every=5)
    learner = Learner(network(TINY, 1), settings)
    for i in range(3):
        learner.learn(random_batch(6, i), LR, generator(i))
    before = copy_of_state(learner)
    reference = Reference(learner.online, settings, learner.target)
    reference.average = learner.self_loss.double()
    reference.clamped_average = learner.clamped_self_loss.double()
    for i in range(3):
        batch = random_batch(6, 20 + i, weighted=weighted)
        loss = learner.test(batch, generator(i))
        expected, _ = reference.loss(reference.w, batch, generator(i), moves=False)
        assert loss.item() == pytest.approx(expected.item(), rel=2e-4)
        assert not loss.requires_grad
    assert_equal_states(before, learner.state_dict())


def test_test_batch_by_hand():
    """With the averages at 0.01 and terminal transitions it is four times the plain loss."""
    batch = terminal_batch(5)
    losses = [
        Learner(network(BLIND), Training(self_loss_ratio=ratio)).test(batch, generator(0)).item()
        for ratio in (4.0, None)
    ]
    assert losses[0] == pytest.approx(4 * losses[1], rel=1e-5)


def test_learning_is_the_same_with_tests_between():
    one, other = (Learner(network(TINY), Training(target_update_every=5)) for _ in range(2))
    for i in range(4):
        one.learn(random_batch(6, i), LR, generator(i))
        other.learn(random_batch(6, i), LR, generator(i))
        other.test(random_batch(6, 50 + i), generator(i))
    assert_equal_states(one.state_dict(), other.state_dict())


# --- going on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 1, 7])
def test_state(before):
    """Through a file, into a learner with other weights: the same to the bit from there on."""
    settings = Training(target_update_every=20)
    one = Learner(network(TINY, 1), settings)
    for i in range(before):
        one.learn(random_batch(6, i), LR, generator(i))
    other = Learner(network(TINY, 2), settings)
    other.learn(random_batch(9, 90), LR, generator(0))
    other.load_state_dict(copy_of_state(one))
    assert_equal_states(one.state_dict(), other.state_dict())
    for i in range(before, before + 8):
        learned = [x.learn(random_batch(6, i), LR, generator(i)) for x in (one, other)]
        assert_equal_states(*(tuple(x) for x in learned))
        tested = [x.test(random_batch(6, i), generator(i)) for x in (one, other)]
        assert torch.equal(*tested)
    assert_equal_states(one.state_dict(), other.state_dict())
    assert one.batches == before + 8 and one.target_updates == 6 * (before + 8) // 20


def test_draws_are_those_of_the_generator():
    one, same, other = (
        Learner(network(TINY), Training()).learn(random_batch(6), LR, generator(seed)).loss
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


# --- half precision -----------------------------------------------------------------------------


def test_half_precision():
    """Near float32; weights, losses and targets stay float32."""
    plain, half = (
        Learner(network(TINY, 1), Training(target_update_every=20, kappa=1.0), dtype)
        for dtype in (torch.float32, torch.bfloat16)
    )
    differs = False
    for i in range(8):
        learned = [x.learn(random_batch(32, i), 1e-3, generator(i)) for x in (plain, half)]
        assert learned[1].loss.dtype == learned[1].losses.dtype == torch.float32
        assert learned[1].loss.item() == pytest.approx(learned[0].loss.item(), rel=0.05)
        assert learned[1].grad_norm.item() == pytest.approx(learned[0].grad_norm.item(), rel=0.1)
        differs |= not torch.equal(learned[0].losses, learned[1].losses)
        tested = [x.test(random_batch(32, i), generator(i)).item() for x in (plain, half)]
        assert tested[1] == pytest.approx(tested[0], rel=0.05)
    assert differs  # it was used
    for a, b in zip(plain.state_dict()["online"].values(), half.state_dict()["online"].values()):
        assert b.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=0, atol=0.01)


def test_half_precision_keeps_exact_targets():
    """The reward of a terminal transition is not rounded."""
    batch = terminal_batch(4, reward=1 + 2**-12)
    learners = [
        Learner(network(BLIND), Training(self_loss_ratio=None), dtype)
        for dtype in (torch.float32, torch.bfloat16)
    ]
    near = replace(batch, reward=torch.ones(4))
    for learner in learners:
        one, other = (learner.test(x, generator(0)) for x in (batch, near))
        assert not torch.equal(one, other)


@pytest.mark.parametrize("double", [True, False])
def test_targets_are_finer_than_the_loss(double, monkeypatch):
    """A fifth of kappa, where the future is worth 3: against float64, from the same quantiles."""
    config = replace(NetworkConfig.small(), iqn_n=4)
    net, size, settings = network(config, 1), 24, Training(double_dqn=double)
    with torch.no_grad():
        net.V_head[2].bias.fill_(-3.0)
    learner = Learner(net, settings, torch.bfloat16)
    batch = random_batch(size, 5, config)
    batch = replace(batch, discount=torch.full((size,), 0.999))
    seen = {}

    def spied(*arguments):
        seen["target"], seen["tau"] = target_quantiles(*arguments)
        return seen["target"], seen["tau"]

    monkeypatch.setattr("tmnet.training.learner.target_quantiles", spied)
    learner.test(batch, generator(3))
    w = {name: x.double() for name, x in net.state_dict().items()}
    future = quantiles_of(w, batch.next_image, batch.next_floats, seen["tau"])
    each = batch.reward.double()[:, None, None] + batch.discount.double()[:, None, None] * future
    fits = (seen["target"].double()[:, :, None] - each).abs()  # by action
    # with double DQN the online network chooses, one action for all quantiles
    error = fits.amax(dim=1).amin(dim=1) if double else (
        seen["target"] - each.amax(dim=2)
    ).abs().amax(dim=1)  # fmt: skip
    assert future.abs().mean() > 2.5
    assert error.max() < settings.kappa / 5
    # which bfloat16 throughout would not be
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        coarse = net(batch.next_image, batch.next_floats, seen["tau"].float())[0]
    assert (coarse - future).abs().mean() > settings.kappa / 5


# --- learning -----------------------------------------------------------------------------------


def test_it_learns():
    """A bandit of three arms, whose rewards are drawn: their order is learned."""
    learner = Learner(network(BLIND), Training(kappa=1.0, target_update_every=64, weight_decay=0))
    means = torch.tensor([-1.0, 1.0, 0.0])
    random = generator(0)
    for i in range(300):
        batch = random_batch(64, i, BLIND)
        batch = replace(
            batch,
            discount=torch.zeros(64),
            reward=means[batch.action] + 0.3 * torch.randn(64, generator=random),
        )
        learner.learn(batch, 1e-2, random)
    image, floats = states(BLIND, 50, 7)
    q = learner.online.mean_q(image, floats, 32, random).mean(dim=0)
    torch.testing.assert_close(q, means, atol=0.3, rtol=0)
