"""Configuration of experiments: dataclasses, with a sentence per field."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tmnet.errors import TmnetError

SMALLEST_IMAGE = 34  # pixels that the four convolutions reduce to one


@dataclass(frozen=True)
class NetworkConfig:
    """The knobs of the network: what the reference experiment calls its size.

    The presets `small` and `big` are the two networks of the published runs.

    Raises
    ------
    TmnetError
        If no network can be built with these values.
    """

    w_downsized: int = 64
    """Width of the image, pixels."""
    h_downsized: int = 64
    """Height of the image, pixels."""
    iqn_embedding_dimension: int = 128
    """Cosines in which a quantile is embedded."""
    iqn_n: int = 8
    """Quantiles per state in training; changes no parameter, and the scale of the loss."""
    iqn_k: int = 32
    """Quantiles per state when acting; changes no parameter, and nothing that is trained."""
    float_hidden_dim: int = 256
    """Width of both layers over the float vector."""
    dense_hidden_dimension: int = 1024
    """Hidden width of the two heads together, half for each."""
    use_image_head: bool = True
    """Whether there is an image."""
    float_input_dim: int = 184
    """Length of the float vector; 0 where there is none."""
    n_actions: int = 12
    """Number of actions."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "use_image_head":
                if not isinstance(value, bool):
                    raise TmnetError(f"use_image_head is {value!r}; it must be true or false.")
            elif not isinstance(value, int) or isinstance(value, bool):
                raise TmnetError(f"{field.name} is {value!r}; it must be a whole number.")
            elif value < (least := int(field.name != "float_input_dim")):
                raise TmnetError(f"{field.name} is {value}; it must be at least {least}.")
        for name in ("iqn_n", "iqn_k", "dense_hidden_dimension"):
            if getattr(self, name) % 2:
                raise TmnetError(
                    f"{name} is {getattr(self, name)}; it must be even, since "
                    + (
                        "half of it goes to each head."
                        if name[0] == "d"
                        else "quantiles come in pairs, tau and 1 - tau."
                    )  # fmt: skip
                )
        for name in ("w_downsized", "h_downsized"):
            if self.use_image_head and getattr(self, name) < SMALLEST_IMAGE:
                raise TmnetError(
                    f"{name} is {getattr(self, name)}; four convolutions need at least "
                    f"{SMALLEST_IMAGE} pixels."
                )
        if not self.use_image_head and not self.float_input_dim:
            raise TmnetError(
                "The network has no input: set use_image_head, or float_input_dim above 0."
            )

    @classmethod
    def small(cls) -> NetworkConfig:
        """The network of `A01_as20_long`, `uni_20` and `uni_20_long`."""
        return cls()

    @classmethod
    def big(cls) -> NetworkConfig:
        """The network of `A01_as20_big_long`."""
        return cls(
            w_downsized=128, h_downsized=128, iqn_embedding_dimension=256, iqn_n=16, iqn_k=64
        )

    def to_yaml(self) -> str:
        """The section of an experiment file that asks for this network."""
        import yaml

        return yaml.safe_dump({"neural_network": dataclasses.asdict(self)}, sort_keys=False)
