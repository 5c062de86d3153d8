"""IQN as a textbook has it: the peer of the network, its loss, and its learner."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch.nn.functional import conv2d, huber_loss, leaky_relu, linear

from tmnet.networks import IQN, draw_taus

KAPPA = 0.005


def quantiles(net, image, floats, tau):
    """Quantiles (B, n, A): features repeated for each quantile, and one head after the other."""

    def layer(x, layer):
        return leaky_relu(linear(x, layer.weight, layer.bias), 0.01)

    batch, n = tau.shape
    y = (floats - net.float_mean) / net.float_std
    for linear_layer in net.float_feature_extractor[::2]:
        y = layer(y, linear_layer)
    if net.config.use_image_head:
        x = (image.float() - 128) / 128
        for convolution in net.img_head[:-1:2]:
            x = conv2d(x, convolution.weight, convolution.bias, convolution.stride)
            x = leaky_relu(x, 0.01)
        y = torch.cat([x.flatten(1), y], dim=1)
    z = y.repeat_interleave(n, dim=0)  # (B n, D)
    i = torch.arange(1, net.iqn_fc[0].in_features + 1, device=tau.device)
    z = z * layer(torch.cos(torch.pi * i * tau.reshape(-1, 1)), net.iqn_fc[0])
    advantage = net.A_head[2](layer(z, net.A_head[0]))
    value = net.V_head[2](layer(z, net.V_head[0]))
    return (value + advantage - advantage.mean(dim=1, keepdim=True)).reshape(batch, n, -1)


def quantile_loss(prediction, target, tau):
    """The loss of a batch: prediction, target and tau (B, n)."""
    n = tau.shape[1]
    goals = target[:, :, None].repeat(1, 1, n)  # (B, n, n)
    guesses = prediction[:, None, :].repeat(1, n, 1)
    huber = huber_loss(guesses, goals, reduction="none", delta=KAPPA) / KAPPA
    below = (goals - guesses < 0).float()
    return (torch.abs(tau[:, None, :] - below) * huber).mean(dim=1).sum()


def batch_loss(net, target, now, action, reward, discount, later, n):
    """Double DQN's, with n quantiles everywhere; `now` and `later` are (image, floats)."""
    batch, device = len(action), action.device
    rows = torch.arange(batch, device=device)
    with torch.no_grad():
        future = quantiles(target, *later, draw_taus(batch, n, device))
        choice = quantiles(net, *later, draw_taus(batch, n, device))
        best = choice.mean(dim=1).argmax(dim=1)
        goal = reward[:, None] + discount * future[rows, :, best]
    tau = draw_taus(batch, n, device)
    return quantile_loss(quantiles(net, *now, tau)[rows, :, action], goal, tau)


class Learner:
    """Draws from a list of transitions and learns from them.

    Parameters
    ----------
    config : NetworkConfig
    transitions : list of (image, floats, action, reward)
        Arrays and numbers, each what follows the one before.
    device : torch.device
    """

    def __init__(self, config, transitions, device):
        self.n, self.transitions, self.device = config.iqn_n, transitions, device
        self.net, self.target = (IQN(config).to(device) for _ in range(2))
        self.optimiser = torch.optim.RAdam(self.net.parameters(), lr=1e-4, eps=1e-4, foreach=False)

    def states(self, drawn):
        """(image, floats) of transitions."""
        return [
            None if parts[0] is None else torch.from_numpy(np.stack(parts)).to(self.device)
            for parts in zip(*((image, floats) for image, floats, *_ in drawn))
        ]

    def learn(self, count: int) -> None:
        """An update: a batch is drawn, and learned from."""
        batch = random.choices(range(len(self.transitions) - 1), k=count)
        now, later = ([self.transitions[i + k] for i in batch] for k in (0, 1))
        action = torch.tensor([transition[2] for transition in now], device=self.device)
        reward = torch.tensor([transition[3] for transition in now], device=self.device)
        loss = batch_loss(
            self.net, self.target, self.states(now), action, reward, 0.999, self.states(later),
            self.n,
        )  # fmt: skip
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 30, foreach=False)
        self.optimiser.step()
