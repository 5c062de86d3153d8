"""The parameters of a network in one tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LINE = 16  # numbers at a multiple of which a parameter begins, as products on a CPU like it


class FlatParameters:
    """Makes a network's parameters views of one tensor, so that what is done to all of them is one
    operation: for a small network a dozen times each would take longer than the arithmetic.

    Parameters
    ----------
    network : nn.Module
        It must stay on its device.

    Attributes
    ----------
    whole : nn.Parameter (P,)
        All parameters, with zeros between some.
    """

    def __init__(self, network: nn.Module):
        self._parameters = list(network.parameters())
        sizes = [-(-x.numel() // _LINE) * _LINE for x in self._parameters]
        self._starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.whole = nn.Parameter(self._parameters[0].new_zeros(sum(sizes)), requires_grad=False)
        with torch.no_grad():
            for parameter, part in zip(self._parameters, self.parts(self.whole.data)):
                part.copy_(parameter)
                parameter.data = part

    def parts(self, whole: Tensor) -> list[Tensor]:
        """What belongs to each parameter in a tensor like `whole`: views of it."""
        return [
            whole.as_strided(x.shape, x.stride(), start)
            for x, start in zip(self._parameters, self._starts)
        ]

    def gather_gradients(self) -> None:
        """Make the gradients of the parameters views of that of `whole`, which is 0."""
        self.whole.grad = torch.zeros_like(self.whole)
        for parameter, part in zip(self._parameters, self.parts(self.whole.grad)):
            parameter.grad = part
