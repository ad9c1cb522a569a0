"""Heads over time: from one feature vector per frame to one per clip."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Features (video, time, feature) to (video, `width`).

    Args of every head:
        features: features per frame.
        frames: T.
    """

    def __init__(self, features: int, frames: int) -> None:
        super().__init__()
        self.width = features

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """See the class."""


class Mean(Head):
    """The mean over time."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


class MLP(Head):
    """One linear unit over time per feature: sum over t of weight[t] x[t], plus a bias."""

    def __init__(self, features: int, frames: int) -> None:
        super().__init__(features, frames)
        self.weight = nn.Parameter(torch.empty(frames, features))
        self.bias = nn.Parameter(torch.empty(features))

    def draw_weights(self, generator: torch.Generator) -> None:
        """Standard normal, as in the published code."""
        self.weight.normal_(generator=generator)
        self.bias.normal_(generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).sum(1) + self.bias


State = tuple[Tensor, ...]


class Recurrent(Head):
    """One recurrent layer from a zero state, and the mean of its outputs over time.

    The steps are written out in plain operators instead of nn.RNN, nn.GRU and nn.LSTM, whose fused kernels
    (cuDNN, and oneDNN for the LSTM) cannot be differentiated twice. Weights are those of PyTorch's cells.
    """

    cell_type: ClassVar[type[nn.RNNCell | nn.GRUCell | nn.LSTMCell]]
    narrower: ClassVar[int] = 8
    """How many features there are for one unit."""

    def __init__(self, features: int, frames: int) -> None:
        super().__init__(features, frames)
        self.width = features // self.narrower
        self.cell = self.cell_type(features, self.width)

    def forward(self, x: Tensor) -> Tensor:
        cell = self.cell
        outputs: list[Tensor] = []
        state: State = (x.new_zeros(len(x), self.width),) * 2
        for inputs in F.linear(x, cell.weight_ih, cell.bias_ih).unbind(1):
            state = self.advance(inputs, F.linear(state[0], cell.weight_hh, cell.bias_hh), state)
            outputs.append(state[0])
        return torch.stack(outputs, 1).mean(1)

    @abstractmethod
    def advance(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        """The next state (output first) from the products of weights with the input and with the output."""


class RNN(Recurrent):
    """h' = tanh(inputs + recurrent); an eighth of the features."""

    cell_type = nn.RNNCell

    def advance(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        return (torch.tanh(inputs + recurrent),)


class GRU(Recurrent):
    """Gated recurrent unit as in torch.nn.GRU; an eighth of the features."""

    cell_type = nn.GRUCell

    def advance(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        (reset_x, update_x, new_x), (reset_h, update_h, new_h) = inputs.chunk(3, 1), recurrent.chunk(3, 1)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return (new + update * (state[0] - new),)


class LSTM(Recurrent):
    """Long short-term memory as in torch.nn.LSTM; as many units as features, hence its size."""

    cell_type = nn.LSTMCell
    narrower = 1

    def advance(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        let_in, keep, new, let_out = (inputs + recurrent).chunk(4, 1)
        memory = torch.sigmoid(keep) * state[1] + torch.sigmoid(let_in) * torch.tanh(new)
        return torch.sigmoid(let_out) * torch.tanh(memory), memory
