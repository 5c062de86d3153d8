"""The IQN network: image and floats to quantiles of the return of each action.

Symbols in the shape comments: B states, n quantiles, F floats, D width of the features, E cosines,
A actions. The parts, and the names of their tensors, are those of the public checkpoints.
Source: Dabney et al. 2018, "Implicit Quantile Networks for Distributional Reinforcement Learning";
the dueling heads are those of Wang et al. 2016.
"""

from __future__ import annotations

import dataclasses
import io
import math
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tmnet.arguments import a_path, a_whole_number, of_kind, wrong
from tmnet.devices import usable_device
from tmnet.errors import TmnetError
from tmnet.experiments.config import SMALLEST_IMAGE, NetworkConfig
from tmnet.experiments.fields import build
from tmnet.files import write_output
from tmnet.networks.costs import CONVOLUTIONS, feature_width, image_sizes

SLOPE = 0.01  # of LeakyReLU below 0
NORMALISERS = ("float_mean", "float_std")  # not in public checkpoints
_CONFIG = "tmnet_config"  # in the metadata of a state dict


class IQN(nn.Module):
    """The network of the published runs.

    NaN in a state makes its quantiles NaN, and its greedy action meaningless; other states of the
    batch are not touched.

    Parameters
    ----------
    config : NetworkConfig
    float_mean, float_std : Tensor (F,), optional
        Floats are normalised by these; by default they are taken as they are.
    generator : torch.Generator, optional
        To draw the weights with.

    Raises
    ------
    TmnetError
        If the mean or the deviation does not fit the configuration.
    """

    def __init__(
        self,
        config: NetworkConfig,
        float_mean: Tensor | None = None,
        float_std: Tensor | None = None,
        generator: torch.Generator | None = None,
    ):
        of_kind("config", config, NetworkConfig)
        super().__init__()
        self.config = config
        floats, half = config.float_input_dim, config.dense_hidden_dimension // 2
        width = feature_width(config)
        # In place: the result is all that the backward pass needs, so that half the memory does.
        if config.use_image_head:
            layers = []
            for inputs, outputs, kernel, stride in CONVOLUTIONS:
                layers += [nn.Conv2d(inputs, outputs, kernel, stride), _activation()]
            if config.global_average_pooling:
                layers.append(nn.AdaptiveAvgPool2d(1))
            self.img_head = nn.Sequential(*layers, nn.Flatten())
        if floats:
            layers = []
            for inputs in (floats, config.float_hidden_dim):
                layers.append(nn.Linear(inputs, config.float_hidden_dim))
                if config.layer_norm:
                    layers.append(nn.LayerNorm(config.float_hidden_dim))
                layers.append(_activation())
            self.float_feature_extractor = nn.Sequential(*layers)
        if config.layer_norm:
            self.norm = nn.LayerNorm(width)
            self.A_norm, self.V_norm = nn.LayerNorm(half), nn.LayerNorm(half)
        self.A_head = nn.Sequential(
            nn.Linear(width, half), _activation(), nn.Linear(half, config.n_actions)
        )
        self.V_head = nn.Sequential(nn.Linear(width, half), _activation(), nn.Linear(half, 1))
        self.iqn_fc = nn.Sequential(nn.Linear(config.iqn_embedding_dimension, width), _activation())
        for name, value, default in (
            ("float_mean", float_mean, torch.zeros(floats)),
            ("float_std", float_std, torch.ones(floats)),
        ):
            self.register_buffer(name, default if value is None else _like(default, value, name))
        self._initialise(generator)
        # Convolutions forward take half the time on a CPU then.
        self.to(memory_format=torch.channels_last)

    def _apply(self, fn, recurse=True):
        """Move or cast the network; but what normalises the floats stays float32.

        In bfloat16 a point 390 m ahead could not be told from one at 391 m.
        """
        exact = {name: getattr(self, name) for name in NORMALISERS}
        super()._apply(fn, recurse)
        for name, value in exact.items():
            setattr(self, name, value.to(getattr(self, name).device))
        return self

    def _initialise(self, generator: torch.Generator | None) -> None:
        """Orthogonal weights, zero biases; a cosine has variance 1/2, which its gain makes up."""
        _check_generator(generator)
        gain = nn.init.calculate_gain("leaky_relu", SLOPE)
        gains = {self.iqn_fc[0]: math.sqrt(2) * gain, self.A_head[2]: 1.0, self.V_head[2]: 1.0}
        for layer in self.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                nn.init.orthogonal_(layer.weight, gains.get(layer, gain), generator=generator)
                nn.init.zeros_(layer.bias)

    def forward(
        self,
        image: Tensor | None,
        floats: Tensor | None,
        tau: Tensor | int,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Quantiles of the return of each action.

        Parameters
        ----------
        image : Tensor (B, 1, H, W) or None
            Grey values: uint8, or float in [-1, 1). None for a network without image head.
        floats : Tensor (B, F) or None
        tau : Tensor (B, n) or int
            Which quantiles; or how many, to be drawn by `draw_taus`.
        generator : torch.Generator, optional
            To draw them with.

        Returns
        -------
        Tensor (B, n, A), Tensor (B, n)
            The quantiles, and which they are.

        Raises
        ------
        TmnetError
            If an input is missing, or has a shape that does not fit.
        """
        features, tau = self._features(image, floats, tau, generator)  # (B, n, D), (B, n)
        half = self.A_head[0].out_features
        # Both heads' first layers as one matrix product.
        weight = torch.cat([self.A_head[0].weight, self.V_head[0].weight])  # (2 * half, D)
        bias = torch.cat([self.A_head[0].bias, self.V_head[0].bias])
        hidden = functional.linear(features, weight, bias)  # (B, n, 2 * half)
        if not self.config.layer_norm:
            hidden = functional.leaky_relu_(hidden, SLOPE)
        of_advantage, of_value = hidden.split(half, dim=-1)  # (B, n, half) each
        if self.config.layer_norm:
            of_advantage = functional.leaky_relu_(self.A_norm(of_advantage), SLOPE)
            of_value = functional.leaky_relu_(self.V_norm(of_value), SLOPE)
        advantage = _last(self.A_head, of_advantage)  # (B, n, A)
        value = _last(self.V_head, of_value)  # (B, n, 1)
        return value + advantage - advantage.mean(dim=-1, keepdim=True), tau

    def mean_q(
        self,
        image: Tensor | None,
        floats: Tensor | None,
        tau: Tensor | int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Mean return of each action over quantiles, `iqn_k` of them by default: (B, A)."""
        tau = self.config.iqn_k if tau is None else tau
        return self(image, floats, tau, generator)[0].mean(dim=1)

    def greedy_action(
        self,
        image: Tensor | None,
        floats: Tensor | None,
        tau: Tensor | int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The action with the highest mean return: (B,) int64.

        Only the advantages are computed, and the last layer on their hidden units' mean: neither
        the value of a state nor the order of averaging changes which action is best.
        """
        tau = self.config.iqn_k if tau is None else tau
        features, _ = self._features(image, floats, tau, generator)  # (B, n, D)
        hidden = self.A_head[0](features)  # (B, n, half)
        if self.config.layer_norm:
            hidden = self.A_norm(hidden)
        hidden = self.A_head[1](hidden).to(self.A_head[2].weight.dtype)
        return _last(self.A_head, hidden.mean(dim=1)).argmax(dim=1)

    def _features(self, image, floats, tau, generator) -> tuple[Tensor, Tensor]:
        """Features of each state and quantile (B, n, D), and the quantiles (B, n)."""
        dtype = self.iqn_fc[0].weight.dtype
        parts = []
        if self.config.use_image_head:
            self._check(image, "image", (1, self.config.h_downsized, self.config.w_downsized))
            if image.dtype == torch.uint8:
                image = (image.float() - 128) / 128
            parts.append(self.img_head(image.to(dtype)))  # (B, flattened)
        if self.config.float_input_dim:
            self._check(floats, "float vector", (self.config.float_input_dim,))
            normalised = (floats.float() - self.float_mean) / self.float_std
            parts.append(self.float_feature_extractor(normalised.to(dtype)))  # (B, hidden)
        if len({len(part) for part in parts}) > 1:
            raise TmnetError(
                f"There are {len(image)} images and a float vector for {len(floats)} states."
            )
        state = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]  # (B, D)
        if self.config.layer_norm:
            state = self.norm(state)
        if not isinstance(tau, Tensor):
            tau = draw_taus(len(state), tau, state.device, generator)
        if tau.ndim != 2 or len(tau) != len(state):
            raise TmnetError(f"tau has the shape {tuple(tau.shape)}, not ({len(state)}, n).")
        order = torch.arange(1, self.config.iqn_embedding_dimension + 1, device=tau.device)
        cosines = torch.cos(torch.pi * order * tau.float()[..., None])  # (B, n, E)
        quantile = self.iqn_fc(cosines.to(dtype))  # (B, n, D)
        return quantile * state[:, None], tau

    def _check(self, value: Tensor | None, what: str, shape: tuple[int, ...]) -> None:
        if value is None:
            raise TmnetError(
                f"This network needs a{'n' * (what[0] == 'i')} {what}; none was given."
            )
        if of_kind(f"The {what}", value, Tensor).shape[1:] != shape:
            expected = ", ".join(map(str, shape))
            raise TmnetError(
                f"The {what} has the shape {tuple(value.shape)}, and this network takes "
                f"(B, {expected})."
            )

    def save_public(self, path: str | Path) -> None:
        """Write the weights as public checkpoints have them: without the floats' mean and std.

        The configuration is beside them, where `load_public` finds it and others do not mind it.

        Raises
        ------
        TmnetError
            If the file cannot be written, or the network has parts that public ones have not.
        """
        if self.config.global_average_pooling or self.config.layer_norm:
            raise TmnetError(
                "Public checkpoints know no global_average_pooling and no layer_norm; this network "
                "has one of them."
            )
        own = self.state_dict()
        state = OrderedDict(
            (name, tensor.detach().cpu().contiguous())
            for name, tensor in own.items()
            if name not in NORMALISERS
        )
        # Every state dict of torch's has this attribute; readers ignore what they do not know.
        state._metadata = {"": {_CONFIG: dataclasses.asdict(self.config)}}
        whole = io.BytesIO()  # torch has words of its own for a file that cannot be written
        torch.save(state, whole)
        write_output(a_path("path", path), lambda file: file.write(whole.getbuffer()))

    @classmethod
    def load_public(
        cls,
        path: str | Path,
        height: int | None = None,
        float_mean: Tensor | None = None,
        float_std: Tensor | None = None,
    ) -> IQN:
        """Load a public checkpoint; where another program wrote it, the configuration is inferred
        from the tensors' shapes.

        Parameters
        ----------
        path : str or Path
            A state dict as `torch.save` writes it. It is read without running code.
        height : int, optional
            Pixels of the image in another program's file, where it is not square: only the area
            is to be seen there.
        float_mean, float_std : Tensor (F,), optional
            They are not in the file.

        Raises
        ------
        TmnetError
            If the file is no such checkpoint: it says which tensor has which shape, and what was
            expected.

        Notes
        -----
        What another program's file does not tell is guessed: `iqn_n` and `iqn_k` are those of the
        preset with the same embedding, or 8 and 32; the sides of the image are multiples of 8.
        """
        path = a_path("path", path)
        height = None if height is None else a_whole_number("height", height, least=SMALLEST_IMAGE)
        state, config = _read_state(path)
        if config is None:
            config = _infer_config(state, path, height)
        elif height not in (None, config.h_downsized):
            raise TmnetError(
                f"{path} holds a network for images with a height of {config.h_downsized} pixels, "
                f"not {height}."
            )
        network = cls(config, float_mean, float_std)
        expected = {
            name: tuple(tensor.shape)
            for name, tensor in network.state_dict().items()
            if name not in NORMALISERS
        }
        for name in sorted(expected.keys() ^ state.keys()):
            problem = "is missing" if name in expected else "is there, and should not be"
            raise TmnetError(f"{path} does not fit: the tensor {name} {problem}.")
        for name, shape in expected.items():
            if tuple(state[name].shape) != shape:
                raise TmnetError(
                    f"{path} does not fit: {name} has the shape {tuple(state[name].shape)}, "
                    f"and {shape} was expected."
                )
        network.load_state_dict(state, strict=False)
        return network


def draw_taus(
    batch: int,
    n: int,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw quantiles: (batch, n), half of them stratified in (0, 1/2), the others 1 - tau of them.

    Raises
    ------
    TmnetError
        If n is odd.
    """
    batch = a_whole_number("batch", batch, least=0)
    n = a_whole_number("The number of quantiles", n)
    _check_generator(generator)
    if not isinstance(device, torch.device):
        device = usable_device(device)
    if n < 2 or n % 2:
        raise TmnetError(f"The number of quantiles is {n}; it must be even and at least 2.")
    strata = torch.arange(n // 2, device=device)
    lower = (strata + torch.rand(batch, n // 2, device=device, generator=generator)) / n
    return torch.cat([lower, 1 - lower], dim=1)


def _like(default: Tensor, value: Any, name: str) -> Tensor:
    """A copy of what is given in place of a default, of its shape."""
    try:
        given = torch.as_tensor(value, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise wrong(name, value, f"a tensor of {len(default)} numbers") from None
    if given.shape != default.shape:
        raise TmnetError(f"{name} has the shape {tuple(given.shape)}, not ({len(default)},).")
    return given.clone()


def _check_generator(generator: torch.Generator | None) -> None:
    if generator is not None:
        of_kind("generator", generator, torch.Generator)


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE, inplace=True)


def _last(head: nn.Sequential, hidden: Tensor) -> Tensor:
    """The last layer of a head, with the weights' own precision under autocast too.

    A bfloat16 next to 3 is 0.016 away: three times what the loss tells apart.
    """
    last = head[2]
    if not torch.is_autocast_enabled(hidden.device.type):  # to leave it takes longer than this does
        return last(hidden.to(last.weight.dtype))
    with torch.autocast(hidden.device.type, enabled=False):
        return last(hidden.to(last.weight.dtype))


def _read_state(path: Path) -> tuple[dict[str, Tensor], NetworkConfig | None]:
    """What a file holds, and the configuration, where tmnet wrote it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how a stranger's file was pickled
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # the unpickler raises whatever a damaged file leads it to
        raise TmnetError(
            f"{path} is not a checkpoint of weights alone: it is damaged, or would run code."
        ) from None
    if not isinstance(state, dict) or not all(isinstance(x, Tensor) for x in state.values()):
        raise TmnetError(f"{path} does not hold a state dict: names and tensors.")
    # Compiled networks put a prefix before every name.
    named = {str(name).removeprefix("_orig_mod."): tensor for name, tensor in state.items()}
    return named, _told_config(state, path)


def _told_config(state: Any, path: Path) -> NetworkConfig | None:
    """The configuration that tmnet wrote beside the tensors."""
    try:
        told = state._metadata[""][_CONFIG]
    except (AttributeError, KeyError, TypeError):
        return None
    try:
        return build(NetworkConfig, told)
    except TmnetError as error:
        reason = str(error).rstrip(".")
        raise TmnetError(f"{path} does not fit: its configuration is damaged ({reason}).") from None


def _infer_config(state: dict[str, Tensor], path: Path, height: int | None) -> NetworkConfig:
    """The configuration that the shapes of a state dict tell."""

    def shape(name: str) -> tuple[int, int]:
        if name not in state:
            raise TmnetError(f"{path} does not fit: the tensor {name} is missing.")
        if state[name].ndim != 2:
            raise TmnetError(
                f"{path} does not fit: {name} has the shape {tuple(state[name].shape)}, and two "
                "dimensions were expected."
            )
        return tuple(state[name].shape)

    width, embedding = shape("iqn_fc.0.weight")
    half = shape("A_head.0.weight")[0]
    hidden = floats = 0
    if any(name.startswith("float_feature_extractor.") for name in state):
        hidden, floats = shape("float_feature_extractor.0.weight")
    knobs = {
        "iqn_embedding_dimension": embedding,
        "float_hidden_dim": hidden or NetworkConfig.float_hidden_dim,
        "float_input_dim": floats,
        "dense_hidden_dimension": 2 * half,
        "n_actions": shape("A_head.2.weight")[0],
        "use_image_head": any(name.startswith("img_head.") for name in state),
    }
    if embedding == NetworkConfig.big().iqn_embedding_dimension:
        knobs |= {"iqn_n": NetworkConfig.big().iqn_n, "iqn_k": NetworkConfig.big().iqn_k}
    if knobs["use_image_head"]:
        knobs["h_downsized"], knobs["w_downsized"] = _image_size(width - hidden, path, height)
    return NetworkConfig(**knobs)


def _image_size(flattened: int, path: Path, height: int | None) -> tuple[int, int]:
    """Height and width of the image whose features are so many; square, or else about 3 : 4."""
    channels = CONVOLUTIONS[-1][1]
    area, rest = divmod(flattened, channels)
    pairs = [(rows, area // rows) for rows in range(1, area + 1) if area % rows == 0]
    if height is not None:
        wanted = image_sizes(NetworkConfig(h_downsized=height))[-1][1]
        pairs = [pair for pair in pairs if pair[0] == wanted]
    if rest or not pairs:
        raise TmnetError(
            f"{path} does not fit: its image has {flattened} features, and {channels} x height x "
            f"width was expected{'' if height is None else f', for {height} pixels of height'}."
        )
    square = [pair for pair in pairs if pair[0] == pair[1]]
    rows, columns = (square or sorted(pairs, key=lambda pair: abs(pair[0] / pair[1] - 3 / 4)))[0]
    return height or _pixels(rows), _pixels(columns)


def _pixels(size: int) -> int:
    """The multiple of eight, among eight neighbours, that the convolutions reduce to a size."""
    for _, _, kernel, stride in reversed(CONVOLUTIONS):
        size = (size - 1) * stride + kernel
    return -(-size // 8) * 8
