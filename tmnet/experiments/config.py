"""Configuration of experiments: dataclasses, with a sentence per field; their defaults are those of
the published runs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tmnet.arguments import a_mapping, one_of
from tmnet.errors import TmnetError
from tmnet.experiments.fields import Schedule, Section, build, knob, plain, schedule
from tmnet.experiments.scales import SCALES
from tmnet.yaml_text import dotted, to_yaml

SMALLEST_IMAGE = 34  # pixels that the four convolutions reduce to one
SIMULATOR = "tmnet/Race-v0"
BUDGETS = {"minutes": "min", "frames": "frames", "updates": "updates", "pflop": "PFLOP"}  # units
NAME = r"(?=.*[^.])[\w.-]+"  # of a folder or file


@dataclass(frozen=True)
class NetworkConfig(Section):
    """The knobs of the network: what the reference experiment calls its size.

    The presets `small` and `big` are the two networks of the published runs.

    Raises
    ------
    TmnetError
        If no network can be built with these values.
    """

    w_downsized: int = knob(64, least=1)
    """Width of the image, pixels."""
    h_downsized: int = knob(64, least=1)
    """Height of the image, pixels."""
    iqn_embedding_dimension: int = knob(128, least=1)
    """Cosines in which a quantile is embedded."""
    iqn_n: int = knob(8, least=1, even="quantiles come in pairs, tau and 1 - tau")
    """Quantiles per state in training; changes no parameter, and the scale of the loss."""
    iqn_k: int = knob(32, least=1, even="quantiles come in pairs, tau and 1 - tau")
    """Quantiles per state when acting; changes no parameter, and nothing that is trained."""
    float_hidden_dim: int = knob(256, least=1)
    """Width of both layers over the float vector."""
    dense_hidden_dimension: int = knob(1024, least=1, even="half of it goes to each head")
    """Hidden width of the two heads together, half for each."""
    use_image_head: bool = True
    """Whether there is an image."""
    float_input_dim: int = knob(184, least=0)
    """Length of the float vector; 0 where there is none."""
    n_actions: int = knob(12, least=1)
    """Number of actions."""
    global_average_pooling: bool = False
    """Whether each feature map is averaged before the dense part, which makes that narrower."""
    layer_norm: bool = False
    """Whether the features and every hidden dense layer are normalised, each state by itself."""

    def __post_init__(self):
        super().__post_init__()
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
        return to_yaml({"neural_network": dataclasses.asdict(self)})


@dataclass(frozen=True)
class Training(Section):
    """How the network learns."""

    batch_size: int = knob(512, least=1)
    """Transitions in a batch."""
    lr_schedule: Schedule = schedule(
        [("learning rate", float, 1e-12)],
        (0, 1e-3), (3_000_000, 5e-5), (12_000_000, 5e-5), (15_000_000, 1e-5),
    )  # fmt: skip
    """Learning rate, from frames played on; exponential between the points."""
    gamma_schedule: Schedule = schedule(
        [("gamma", float, 0, 1)], (0, 0.999), (1_500_000, 0.999), (2_500_000, 1.0)
    )
    """Discount of one action, from frames played on; linear, and never stretched."""
    global_schedule_speed: float = knob(1.0, least=1e-6)
    """Frames of every schedule but gamma's are multiplied by this: 2 makes them last longer."""
    n_steps: int = knob(3, least=1, most=100)
    """Most actions between a state and the next one that it learns from."""
    double_dqn: bool = True
    """Whether the online network chooses the next action, whose worth the target network tells."""
    kappa: float = knob(0.005, least=1e-9)
    """Where the Huber loss turns from a square to a line."""
    self_loss_ratio: float | None = knob(4.0, least=1.0)
    """Losses are divided by the target's loss against itself, of which at least the average divided
    by this counts; none: they are not divided."""
    adam_beta1: float = knob(0.9, least=0.0, most=0.9999999)
    """Memory of RAdam for gradients."""
    adam_beta2: float = knob(0.999, least=0.0, most=0.9999999)
    """Memory of RAdam for their squares."""
    adam_epsilon: float = knob(1e-4, least=0.0)
    """What RAdam adds to the root of the squares."""
    clip_grad_norm: float = knob(30.0, least=1e-9)
    """Longest gradient; a longer one is shortened."""
    clip_grad_value: float = knob(1000.0, least=1e-9)
    """Largest entry of a gradient, after that."""
    weight_decay: float = knob(0.1, least=0.0)
    """After each batch every parameter shrinks by this times the learning rate."""
    target_update_every: int = knob(2048, least=1)
    """Sampled transitions between two updates of the target network."""
    target_update_share: float = knob(0.02, least=1e-9, most=1.0)
    """How far the target network then moves towards the online one."""
    mini_race_actions: int = knob(140, least=0)
    """How many actions the agent always plans for (7 s); 0: to the end of the race."""
    potential_shaping: bool = True
    """Whether getting nearer to the centre line is rewarded, in a way that changes no optimum."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of learning; auto: bfloat16 on a CUDA GPU, float32 elsewhere."""


@dataclass(frozen=True)
class Exploration(Section):
    """How explo races leave the greedy path."""

    epsilon_schedule: Schedule = schedule(
        [("epsilon", float, 1e-12, 1)], (0, 1.0), (50_000, 1.0), (300_000, 0.1), (3_000_000, 0.03)
    )
    """Probability of a random action, from frames played on; exponential between the points."""
    epsilon_boltzmann_schedule: Schedule = schedule(
        [("epsilon_boltzmann", float, 1e-12, 1)], (0, 0.15), (3_000_000, 0.03)
    )
    """Probability of the best action after noise has been added to Q; exponential as well."""
    boltzmann_noise: float = knob(0.01, least=0.0)
    """Standard deviation of that noise."""


@dataclass(frozen=True)
class Memory(Section):
    """What is remembered of the races, and how often it is used."""

    schedule: Schedule = schedule(
        [("capacity", int, 1), ("start of learning", int, 1)],
        (0, 50_000, 20_000), (5_000_000, 100_000, 75_000), (7_000_000, 200_000, 150_000),
    )  # fmt: skip
    """From frames played on: how many transitions are remembered, and how many learning takes."""
    uses_per_transition: float = knob(32.0, least=0.0)
    """How often each transition is learned from, on average."""
    test_share: float = knob(0.05, least=0.0, most=0.9)
    """Share that is held out, in whole blocks of a race, for the test loss."""
    priority_exponent: float = knob(0.0, least=0.0)
    """How much likelier transitions of a high loss are drawn; 0: not at all."""
    importance_exponent: float = knob(0.4, least=0.0, most=1.0)
    """How far the weight of such transitions is lowered in return; 1: entirely."""

    def __post_init__(self):
        super().__post_init__()
        for frames, capacity, start in self.schedule:
            if start > capacity * (1 - self.test_share):
                raise TmnetError(
                    f"schedule takes {start} transitions to learn from {frames} frames on; of the "
                    f"{capacity} that are remembered, {self.test_share:.0%} are held out."
                )


@dataclass(frozen=True)
class Performance(Section):
    """How the work is spread."""

    num_envs: int = knob(64, least=1, most=1_000_000)
    """Environments that are driven at the same time."""
    collectors: int = knob(0, least=0, most=1024)
    """Processes for as many environments, where these are not the embedded simulator; 0: none."""
    threads: int | None = knob(None, least=1, most=1024)
    """Threads of the CPU that it computes with, so that several share a machine; none: as many as
    torch takes."""


@dataclass(frozen=True)
class Recording(Section):
    """What is kept of a training."""

    suffix_schedule: Schedule = schedule(
        [("suffix", str)],
        (0, ""), (6_000_000, "_2"), (15_000_000, "_3"), (30_000_000, "_4"),
        (45_000_000, "_5"), (80_000_000, "_6"), (150_000_000, "_7"),
    )  # fmt: skip
    """What is added to the name of the log directory, from frames played on."""
    log_minutes: float = knob(5.0, least=1e-6)
    """Minutes between two logs of losses, shares of time and counters; a twentieth of the budget,
    where that is shorter."""
    checkpoint_minutes: float = knob(5.0, least=1e-6)
    """Minutes between two checkpoints."""
    save_replay: Literal["auto", "yes", "no"] = "auto"
    """Whether checkpoints hold the memory, too, so that going on from one changes nothing; auto:
    where that is under 2 GB."""

    def __post_init__(self):
        super().__post_init__()
        for frames, suffix in self.suffix_schedule:
            if not re.fullmatch(r"[\w.-]*", suffix):
                raise TmnetError(
                    f"suffix_schedule has {suffix!r} at {frames} frames; it takes letters, digits, "
                    "dots, _ and -, since it names a folder."
                )


@dataclass(frozen=True)
class Deal(Section):
    """A part of the map cycle: so many races of one kind on one map."""

    map: str | None = None
    """A track of tmnet, or the path of a centre line; none where the environment has no maps."""
    kind: Literal["explo", "eval"] = "explo"
    """Whether the agent explores, or does what it thinks best."""
    races: int = knob(64, least=1)
    """How many races."""


@dataclass(frozen=True)
class Experiment(Section):
    """All that defines a training but its seed.

    Raises
    ------
    TmnetError
        If a field, or how two of them go together, is wrong.
    """

    name: str
    """What runs of it are called."""
    description: str = ""
    """What it is for."""
    env: str = SIMULATOR
    """The embedded simulator, or the id of a Gymnasium environment with discrete actions."""
    map_cycle: tuple[Deal, ...] = knob(
        (Deal("A01", "explo", 64), Deal("A01", "eval", 1)),
        form="a list of entries with map, kind and races",
    )
    """How races are dealt, over and over."""
    stretch_m: float | None = knob(None, least=50.0)
    """Metres of each map after which the race is finished; none: all of it."""
    initial_checkpoint: str | None = None
    """A run, or a checkpoint file, from whose networks and counters this one starts."""
    minutes: float | None = knob(None, least=0.0)
    """How long it trains, in minutes of its processes."""
    frames: int | None = knob(None, least=0)
    """How many frames it plays; a little more, since all environments act at once."""
    updates: int | None = knob(None, least=0)
    """How many updates of the network it makes, one a batch."""
    pflop: float | None = knob(None, least=0.0)
    """How much arithmetic the network takes, in PFLOP: of the decisions in the frames it plays, and
    of updates. It ends with the update, or the action of all environments, that reaches it."""
    scale: str | None = None
    """What the experiment has been scaled to."""
    neural_network: NetworkConfig = NetworkConfig()
    training: Training = Training()
    exploration: Exploration = Exploration()
    memory: Memory = Memory()
    performance: Performance = Performance()
    recording: Recording = Recording()

    def __post_init__(self):
        super().__post_init__()
        if not re.fullmatch(NAME, self.name):
            raise TmnetError(
                f"name is {self.name!r}; it takes letters, digits, dots, _ and -, since it names "
                "a folder."
            )
        if not self.map_cycle:
            raise TmnetError("map_cycle is empty; it takes at least one entry.")
        if self.is_race:
            self._check_race()
        if not self.is_race:
            if any(deal.map for deal in self.map_cycle):
                raise TmnetError(
                    f"map_cycle names maps, which {self.env} does not have; the experiment `gym` "
                    "is a start for Gymnasium's environments."
                )
            for name in ("mini_race_actions", "potential_shaping"):
                if getattr(self.training, name):
                    raise TmnetError(
                        f"training.{name} is {getattr(self.training, name)!r}; only races on the "
                        f"simulator have that: it must be 0 or false for {self.env}."
                    )

    def _check_race(self) -> None:
        """What the simulator has, the published runs' networks read and answer."""
        if not all(deal.map for deal in self.map_cycle):
            raise TmnetError("map_cycle has an entry without a map; the simulator needs one.")
        for name, what in {"n_actions": "actions", "float_input_dim": "floats in a state"}.items():
            asked, there = (getattr(x, name) for x in (self.neural_network, NetworkConfig()))
            if asked != there:
                raise TmnetError(
                    f"neural_network.{name} is {asked}; the simulator has {there} {what}: leave it "
                    f"at {there}."
                )

    @property
    def is_race(self) -> bool:
        """Whether it is trained on the embedded simulator."""
        return self.env == SIMULATOR

    @property
    def budget(self) -> dict[str, float]:
        """Those of `BUDGETS` that are set; it ends with the first that is used up."""
        return {name: most for name in BUDGETS if (most := getattr(self, name))}

    def to_dict(self) -> dict[str, Any]:
        """All fields, as YAML holds them."""
        return plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Experiment:
        """The experiment of a nested dict; what is not in it is as in the published runs."""
        return build(cls, data)

    def with_values(self, values: Mapping[str, Any]) -> Experiment:
        """A copy with other values: `{"neural_network.iqn_n": 16}`.

        Raises
        ------
        TmnetError
            If there is no such field (the nearest are named), or the value is not allowed.
        """
        data = self.to_dict()
        for name, value in a_mapping("values", values).items():
            *sections, last = name.split(".")
            part: Any = data
            for section in sections:
                part = part.get(section) if isinstance(part, dict) else None
            if not isinstance(part, dict) or last not in part or isinstance(part[last], dict):
                raise self.no_field(name, dotted(data))
            part[last] = value
        return self.from_dict(data)

    def scaled(self, scale: str) -> Experiment:
        """A copy that is cut down; see `tmnet.experiments.scales`."""
        one_of("scale", scale, SCALES)
        if self.scale:
            raise TmnetError(f"{self.name} has been scaled to {self.scale!r} already.")
        if not self.is_race:
            raise TmnetError(f"Only races can be scaled; {self.name} is on {self.env}.")
        return self.with_values(SCALES[scale](self) | {"scale": scale})
