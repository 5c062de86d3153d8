"""What the tests of networks share: small configurations, networks and states."""

import torch
from hypothesis import strategies as st

from tmnet.networks import IQN, NetworkConfig

SMALL = NetworkConfig.small()
BIG = NetworkConfig.big()
WIDE = NetworkConfig(w_downsized=160, h_downsized=120, iqn_embedding_dimension=64)
BLIND_SMALL = NetworkConfig(use_image_head=False)
BLIND_BIG = NetworkConfig(use_image_head=False, iqn_embedding_dimension=256)
TINY = NetworkConfig(
    w_downsized=40, h_downsized=34, iqn_embedding_dimension=5, iqn_n=4, iqn_k=6,
    float_hidden_dim=6, dense_hidden_dimension=14, float_input_dim=7, n_actions=3,
)  # fmt: skip


@st.composite
def configs(draw) -> NetworkConfig:
    """Small networks, with an image, with floats, or both."""

    def size(low, high):
        return draw(st.integers(low, high))

    inputs = draw(st.sampled_from(["both", "image", "floats"]))
    return NetworkConfig(
        w_downsized=size(34, 60),
        h_downsized=size(34, 60),
        iqn_embedding_dimension=size(1, 9),
        iqn_n=2 * size(1, 4),
        iqn_k=2 * size(1, 6),
        float_hidden_dim=size(1, 7),
        dense_hidden_dimension=2 * size(1, 8),
        use_image_head=inputs != "floats",
        float_input_dim=0 if inputs == "image" else size(1, 9),
        n_actions=size(1, 5),
    )


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(config: NetworkConfig, seed: int = 0) -> IQN:
    """A network with random biases, means and deviations too."""
    random = generator(seed)
    floats = config.float_input_dim
    mean = 3 * torch.randn(floats, generator=random)
    std = 0.5 + torch.rand(floats, generator=random)
    net = IQN(config, mean, std, random)
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if name.endswith("bias"):
                tensor.normal_(0, 0.3, generator=random)
    return net


def states(config: NetworkConfig, batch: int, seed: int = 0, dtype=torch.uint8):
    """(image or None, floats or None)"""
    random = generator(seed)
    shape = (batch, 1, config.h_downsized, config.w_downsized)
    image = torch.randint(256, shape, dtype=torch.uint8, generator=random)
    if dtype != torch.uint8:
        image = ((image.double() - 128) / 128).to(dtype)
    floats = 3 * torch.randn(batch, config.float_input_dim, generator=random)
    return image if config.use_image_head else None, floats if config.float_input_dim else None
