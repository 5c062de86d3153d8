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
    whole : Tensor (P,)
        All parameters, with zeros between some.
    """

    def __init__(self, network: nn.Module):
        self._parameters = list(network.parameters())
        sizes = [-(-x.numel() // _LINE) * _LINE for x in self._parameters]
        self._starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.whole = self._parameters[0].detach().new_zeros(sum(sizes))
        for parameter, part in zip(self._parameters, self.parts(self.whole)):
            parameter.data = part.copy_(parameter.detach())

    def parts(self, whole: Tensor) -> list[Tensor]:
        """What belongs to each parameter in a tensor like `whole`: views of it."""
        return [
            whole.as_strided(x.shape, x.stride(), start)
            for x, start in zip(self._parameters, self._starts)
        ]

    def gather_gradients(self) -> Tensor:
        """Make the parameters' gradients views of one tensor, which is returned: (P,), 0."""
        gradient = torch.zeros_like(self.whole)
        for parameter, part in zip(self._parameters, self.parts(gradient)):
            parameter.grad = part
        return gradient
