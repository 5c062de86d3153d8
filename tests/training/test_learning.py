"""A short training learns something: CartPole, five thousand frames."""

import gymnasium
import torch

import tmnet
from tmnet.networks import IQN, NetworkConfig

VALUES = {
    "exploration.epsilon_schedule": [[0, 1.0], [1500, 0.05]],
    "memory.schedule": [[0, 10_000, 500]],
    "neural_network.dense_hidden_dimension": 64,
    "neural_network.float_hidden_dim": 64,
    "neural_network.iqn_n": 4,
    "neural_network.iqn_k": 8,
    "training.lr_schedule": [[0, 2e-3]],
    "training.n_steps": 3,
    "training.batch_size": 128,
    "training.target_update_every": 32,
    "training.target_update_share": 0.05,
}


def test_cartpole(tmp_path):
    """Ten greedy episodes with what it has learned; one that knows nothing gets about 20."""
    tmnet.train(
        "gym", seed=0, frames=5000, device="cpu", values=VALUES, logdir=tmp_path,
        checkpoints=tmp_path / "checkpoints", progress=False,
    )  # fmt: skip
    *_, last = sorted((tmp_path / "checkpoints" / "gym").glob("0*.pt"))
    state = torch.load(last, weights_only=True)
    knobs = state["experiment"]["neural_network"]
    knobs |= {"float_input_dim": 4, "n_actions": 2, "use_image_head": False}
    network = IQN(NetworkConfig(**knobs))
    network.load_state_dict(state["learner"]["online"])
    env, returns = gymnasium.make("CartPole-v1"), []
    generator = torch.Generator().manual_seed(0)
    for episode in range(10):
        (seen, _), over, total = env.reset(seed=episode), False, 0.0
        while not over:
            with torch.no_grad():
                floats = torch.from_numpy(seen)[None]
                action = network.greedy_action(None, floats, generator=generator)
            seen, reward, terminated, truncated, _ = env.step(int(action))
            over, total = terminated or truncated, total + reward
        returns.append(total)
    assert sum(returns) / len(returns) > 60
