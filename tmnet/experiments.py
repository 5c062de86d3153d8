"""Configuration of experiments: dataclasses, with a sentence per field; their defaults are those of
the published runs.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tmnet.errors import TmnetError
from tmnet.files import data_path

SMALLEST_IMAGE = 34  # pixels that the four convolutions reduce to one
SIMULATOR = "tmnet/Race-v0"
NAME = r"(?=.*[^.])[\w.-]+"  # of a folder or file

Points = tuple[tuple[float | str, ...], ...]


def _knob(default: Any, least: float | None = None, most: float | None = None, **more: Any) -> Any:
    """A field, and what is allowed in it: `least` .. `most`, `even`, or `points` of a schedule."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most, **more})


def _points(columns: list[tuple], *points: tuple) -> Any:
    """A schedule: points of frames played and values, of which name, type, and range are given."""
    return _knob(points, points=columns)


class Section:
    """A part of an experiment that checks its fields when it is made.

    Raises
    ------
    TmnetError
        With the field, its value, and what is allowed.
    """

    def __post_init__(self):
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            try:
                _check(value, hints[field.name], field.metadata)
            except TmnetError as error:
                raise TmnetError(f"{field.name} is {value!r}; {error}") from None


def _check(value: Any, kind: Any, allowed: Mapping[str, Any]) -> None:
    """TmnetError with what is allowed, if the value is not."""
    if columns := allowed.get("points"):
        return _check_points(value, columns)
    origin, choices = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # X | None
        if value is None:
            return None
        kind, origin = choices[0], None
    if origin is Literal:
        if value not in choices:
            raise TmnetError(f"it must be {' or '.join(map(repr, choices))}.")
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int and not (number and isinstance(value, int)):
        raise TmnetError("it must be a whole number.")
    if kind is float and not (number and abs(value) < 1e300):
        raise TmnetError("it must be a number.")
    if kind is bool and not isinstance(value, bool):
        raise TmnetError("it must be true or false.")
    if kind is str and not isinstance(value, str):
        raise TmnetError("it must be a text.")
    if origin is tuple and not (
        isinstance(value, tuple) and all(isinstance(x, choices[0]) for x in value)
    ):
        raise TmnetError("it must be a list of entries with map, kind and races.")
    if isinstance(kind, type) and issubclass(kind, Section) and not isinstance(value, kind):
        raise TmnetError(f"it must be a {kind.__name__}.")
    least, most = allowed.get("least"), allowed.get("most")
    if least is not None and value < least:
        raise TmnetError(f"it must be at least {least:g}.")
    if most is not None and value > most:
        raise TmnetError(f"it must be at most {most:g}.")
    if allowed.get("even") and value % 2:
        raise TmnetError(f"it must be even, since {allowed['even']}.")
    return None


def _check_points(points: Any, columns: tuple) -> None:
    """Points of a schedule: frames, from 0 on and ascending, and a value for each column."""
    names = ["frames", *(name for name, *_ in columns)]
    form = f"it must be a list of points [{', '.join(names)}]"
    if not isinstance(points, tuple) or not points:
        raise TmnetError(f"{form}.")
    for point in points:
        if not isinstance(point, tuple) or len(point) != len(names):
            raise TmnetError(f"{form}; one is {point!r}.")
        for value, (name, kind, *allowed) in zip(point, (("frames", float, 0, None), *columns)):
            try:
                _check(value, kind, dict(zip(("least", "most"), allowed)))
            except TmnetError as error:
                raise TmnetError(f"{name} in the point {point!r} is wrong: {error}") from None
    frames = [point[0] for point in points]
    if frames[0] != 0 or any(later <= earlier for earlier, later in zip(frames, frames[1:])):
        raise TmnetError("the frames of its points must begin with 0, and rise.")


@dataclass(frozen=True)
class NetworkConfig(Section):
    """The knobs of the network: what the reference experiment calls its size.

    The presets `small` and `big` are the two networks of the published runs.

    Raises
    ------
    TmnetError
        If no network can be built with these values.
    """

    w_downsized: int = _knob(64, least=1)
    """Width of the image, pixels."""
    h_downsized: int = _knob(64, least=1)
    """Height of the image, pixels."""
    iqn_embedding_dimension: int = _knob(128, least=1)
    """Cosines in which a quantile is embedded."""
    iqn_n: int = _knob(8, least=1, even="quantiles come in pairs, tau and 1 - tau")
    """Quantiles per state in training; changes no parameter, and the scale of the loss."""
    iqn_k: int = _knob(32, least=1, even="quantiles come in pairs, tau and 1 - tau")
    """Quantiles per state when acting; changes no parameter, and nothing that is trained."""
    float_hidden_dim: int = _knob(256, least=1)
    """Width of both layers over the float vector."""
    dense_hidden_dimension: int = _knob(1024, least=1, even="half of it goes to each head")
    """Hidden width of the two heads together, half for each."""
    use_image_head: bool = True
    """Whether there is an image."""
    float_input_dim: int = _knob(184, least=0)
    """Length of the float vector; 0 where there is none."""
    n_actions: int = _knob(12, least=1)
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

    batch_size: int = _knob(512, least=1)
    """Transitions in a batch."""
    lr_schedule: Points = _points(
        [("learning rate", float, 1e-12)],
        (0, 1e-3), (3_000_000, 5e-5), (12_000_000, 5e-5), (15_000_000, 1e-5),
    )  # fmt: skip
    """Learning rate, from frames played on; exponential between the points."""
    gamma_schedule: Points = _points(
        [("gamma", float, 0, 1)], (0, 0.999), (1_500_000, 0.999), (2_500_000, 1.0)
    )
    """Discount of one action, from frames played on; linear, and never stretched."""
    global_schedule_speed: float = _knob(1.0, least=1e-6)
    """Frames of every schedule but gamma's are multiplied by this: 2 makes them last longer."""
    n_steps: int = _knob(3, least=1, most=100)
    """Most actions between a state and the next one that it learns from."""
    double_dqn: bool = True
    """Whether the online network chooses the next action, whose worth the target network tells."""
    kappa: float = _knob(0.005, least=1e-9)
    """Where the Huber loss turns from a square to a line."""
    self_loss_ratio: float | None = _knob(4.0, least=1.0)
    """Losses are divided by the target's loss against itself, of which at least the average divided
    by this counts; none: they are not divided."""
    adam_beta1: float = _knob(0.9, least=0.0, most=0.9999999)
    """Memory of RAdam for gradients."""
    adam_beta2: float = _knob(0.999, least=0.0, most=0.9999999)
    """Memory of RAdam for their squares."""
    adam_epsilon: float = _knob(1e-4, least=0.0)
    """What RAdam adds to the root of the squares."""
    clip_grad_norm: float = _knob(30.0, least=1e-9)
    """Longest gradient; a longer one is shortened."""
    clip_grad_value: float = _knob(1000.0, least=1e-9)
    """Largest entry of a gradient, after that."""
    weight_decay: float = _knob(0.1, least=0.0)
    """After each batch every parameter shrinks by this times the learning rate."""
    target_update_every: int = _knob(2048, least=1)
    """Sampled transitions between two updates of the target network."""
    target_update_share: float = _knob(0.02, least=1e-9, most=1.0)
    """How far the target network then moves towards the online one."""
    mini_race_actions: int = _knob(140, least=0)
    """How many actions the agent always plans for (7 s); 0: to the end of the race."""
    potential_shaping: bool = True
    """Whether getting nearer to the centre line is rewarded, in a way that changes no optimum."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of learning; auto: bfloat16 on a CUDA GPU, float32 elsewhere."""


@dataclass(frozen=True)
class Exploration(Section):
    """How explo races leave the greedy path."""

    epsilon_schedule: Points = _points(
        [("epsilon", float, 1e-12, 1)], (0, 1.0), (50_000, 1.0), (300_000, 0.1), (3_000_000, 0.03)
    )
    """Probability of a random action, from frames played on; exponential between the points."""
    epsilon_boltzmann_schedule: Points = _points(
        [("epsilon_boltzmann", float, 1e-12, 1)], (0, 0.15), (3_000_000, 0.03)
    )
    """Probability of the best action after noise has been added to Q; exponential as well."""
    boltzmann_noise: float = _knob(0.01, least=0.0)
    """Standard deviation of that noise."""


@dataclass(frozen=True)
class Memory(Section):
    """What is remembered of the races, and how often it is used."""

    schedule: Points = _points(
        [("capacity", int, 1), ("start of learning", int, 1)],
        (0, 50_000, 20_000), (5_000_000, 100_000, 75_000), (7_000_000, 200_000, 150_000),
    )  # fmt: skip
    """From frames played on: how many transitions are remembered, and how many learning takes."""
    uses_per_transition: float = _knob(32.0, least=0.0)
    """How often each transition is learned from, on average."""
    test_share: float = _knob(0.05, least=0.0, most=0.9)
    """Share that is held out, in whole blocks of a race, for the test loss."""
    priority_exponent: float = _knob(0.0, least=0.0)
    """How much likelier transitions of a high loss are drawn; 0: not at all."""
    importance_exponent: float = _knob(0.4, least=0.0, most=1.0)
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

    num_envs: int = _knob(64, least=1, most=1_000_000)
    """Environments that are driven at the same time."""
    collectors: int = _knob(0, least=0, most=1024)
    """Processes for as many environments, where these are not the embedded simulator; 0: none."""


@dataclass(frozen=True)
class Recording(Section):
    """What is kept of a training."""

    suffix_schedule: Points = _points(
        [("suffix", str)],
        (0, ""), (6_000_000, "_2"), (15_000_000, "_3"), (30_000_000, "_4"),
        (45_000_000, "_5"), (80_000_000, "_6"), (150_000_000, "_7"),
    )  # fmt: skip
    """What is added to the name of the log directory, from frames played on."""
    log_minutes: float = _knob(5.0, least=1e-6)
    """Minutes between two logs of losses, shares of time and counters; a twentieth of the budget,
    where that is shorter."""
    checkpoint_minutes: float = _knob(5.0, least=1e-6)
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
    races: int = _knob(64, least=1)
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
    map_cycle: tuple[Deal, ...] = (Deal("A01", "explo", 64), Deal("A01", "eval", 1))
    """How races are dealt, over and over."""
    stretch_m: float | None = _knob(None, least=50.0)
    """Metres of each map after which the race is finished; none: all of it."""
    initial_checkpoint: str | None = None
    """A run, or a checkpoint file, from whose networks and counters this one starts."""
    minutes: float | None = _knob(None, least=0.0)
    """How long it trains, in minutes of its processes."""
    frames: int | None = _knob(None, least=0)
    """How many frames it plays."""
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
        if self.is_race and not all(deal.map for deal in self.map_cycle):
            raise TmnetError("map_cycle has an entry without a map; the simulator needs one.")
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

    @property
    def is_race(self) -> bool:
        """Whether it is trained on the embedded simulator."""
        return self.env == SIMULATOR

    def to_dict(self) -> dict[str, Any]:
        """All fields, as YAML holds them."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Experiment:
        """The experiment of a nested dict; what is not in it is as in the published runs."""
        return _build(cls, data, "")

    def with_values(self, values: Mapping[str, Any]) -> Experiment:
        """A copy with other values: `{"neural_network.iqn_n": 16}`.

        Raises
        ------
        TmnetError
            If there is no such field (the nearest are named), or the value is not allowed.
        """
        data = self.to_dict()
        for name, value in values.items():
            *sections, last = name.split(".")
            part: Any = data
            for section in sections:
                part = part.get(section) if isinstance(part, dict) else None
            if not isinstance(part, dict) or last not in part or isinstance(part[last], dict):
                raise TmnetError(f"There is no field {name!r}{_nearest(name, _names(data))}.")
            part[last] = value
        return self.from_dict(data)

    def scaled(self, scale: str) -> Experiment:
        """A copy that is cut down: "laptop" for two cores and 15 to 25 minutes."""
        if scale not in SCALES:
            raise TmnetError(f"There is no scale {scale!r}; there is {', '.join(SCALES)}.")
        if self.scale:
            raise TmnetError(f"{self.name} has been scaled to {self.scale!r} already.")
        if not self.is_race:
            raise TmnetError(f"Only races can be scaled; {self.name} is on {self.env}.")
        return SCALES[scale](self)


# What the scale "laptop" multiplies, so that the experiments say something on two cores.
LAPTOP = {
    "neural_network.w_downsized": 17 / 32,
    "neural_network.h_downsized": 17 / 32,
    "neural_network.iqn_embedding_dimension": 1 / 4,
    "neural_network.iqn_n": 1 / 2,
    "neural_network.iqn_k": 1 / 4,
    "neural_network.float_hidden_dim": 1 / 2,
    "neural_network.dense_hidden_dimension": 1 / 4,
    "training.batch_size": 1 / 4,
    "training.target_update_every": 1 / 4,
    "training.mini_race_actions": 1 / 2,
    "training.global_schedule_speed": 1 / 5,
    "training.gamma_schedule": 1 / 5,
    "recording.suffix_schedule": 1 / 8,
    "memory.uses_per_transition": 1 / 4,
    "minutes": 25 / 561,
}
LAPTOP_MINUTES = (15.0, 25.0)  # at least, and at most
LAPTOP_STRETCH = 600.0  # m of each map
LAPTOP_EXPLO_RACES = 16  # of a map, between two evals


def _laptop(full: Experiment) -> Experiment:
    data = full.to_dict()
    values: dict[str, Any] = {"scale": "laptop", "stretch_m": LAPTOP_STRETCH}
    for name, factor in LAPTOP.items():
        section, _, field = name.rpartition(".")
        owner = getattr(full, section) if section else full
        value = getattr(owner, field)
        knob = {some.name: some for some in dataclasses.fields(owner)}[field]
        if value is None:
            continue
        if "points" in knob.metadata:  # of a schedule the frames
            values[name] = [[at * factor, *others] for at, *others in value]
        elif knob.type == "int":
            step = 2 if knob.metadata.get("even") else 1
            values[name] = max(round(value * factor / step), 1 if value else 0) * step
        else:
            values[name] = value * factor
    if full.minutes is not None:
        least, most = LAPTOP_MINUTES
        values["minutes"] = min(max(values["minutes"], least), most, full.minutes)
    values["map_cycle"] = [
        deal | {"races": min(deal["races"], LAPTOP_EXPLO_RACES)} for deal in data["map_cycle"]
    ]
    return full.with_values(values)


SCALES = {"laptop": _laptop}


def load_experiment(name: str | Path) -> Experiment:
    """Load an experiment.

    Parameters
    ----------
    name : str or Path
        One that comes with tmnet (`data/experiments`), or a YAML file. A `base` in it names another
        one whose fields count where the file has none.

    Raises
    ------
    TmnetError
        If there is no such experiment, or a field in it is wrong.
    """
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_file(path)
    if str(name) not in experiment_names():
        raise TmnetError(
            f"There is no experiment {str(name)!r}{_nearest(str(name), experiment_names())}; or "
            "give the path of a .yaml file."
        )
    return _from_file(data_path("experiments", f"{name}.yaml"))


@cache
def experiment_names() -> tuple[str, ...]:
    """Names of the experiments that come with tmnet."""
    return tuple(sorted(path.stem for path in data_path("experiments").glob("*.yaml")))


def to_yaml(data: Mapping[str, Any]) -> str:
    """A nested dict as YAML, in its own order."""
    import yaml

    _, dumper = _dialect()
    return yaml.dump(dict(data), Dumper=dumper, sort_keys=False, default_flow_style=None, width=100)


def from_yaml(text: str) -> Any:
    """What a YAML text holds; unlike for PyYAML, 1e-4 is a number, and yes and dates are texts.

    Raises
    ------
    TmnetError
        If it is not YAML.
    """
    import yaml

    loader, _ = _dialect()
    try:
        return yaml.load(text, loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise TmnetError(f"this is not YAML{where}: {problem}.") from None


@cache
def _dialect() -> tuple[type, type]:
    """Safe classes to read and write YAML with."""
    import yaml

    number = re.compile(r"[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+\Z")
    truth = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
    left_out = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, form) for tag, form in forms if tag not in left_out]
            for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    class Dumper(yaml.SafeDumper):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", truth, list("tTfF"))
    for some in (Loader, Dumper):
        some.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return Loader, Dumper


# --- reading ------------------------------------------------------------------------------------


def _from_file(path: Path) -> Experiment:
    try:
        return Experiment.from_dict({"name": path.stem} | _layers(path, ()))
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None


def _layers(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The fields of a file on top of those of its base."""
    try:
        data = from_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TmnetError(f"it cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise TmnetError("it is not a text in UTF-8.") from None
    if not isinstance(data, dict):
        raise TmnetError("it holds no fields; an experiment is `name: value` lines.")
    if "base" not in data:
        return data
    base = str(data.pop("base"))
    beside = path.parent / f"{base}.yaml"
    if not beside.is_file() and base in experiment_names():
        beside = data_path("experiments", f"{base}.yaml")
    if not re.fullmatch(NAME, base) or not beside.is_file() or beside in (path, *above):
        raise TmnetError(
            f"its base is {base!r}; it must be another experiment, beside it or of tmnet."
        )
    return _merged(_layers(beside, (path, *above)), data)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts, the upper one's entries first."""
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(name), dict)
        merged[name] = _merged(below[name], value) if both else value
    return merged


def _build(cls: type, data: Any, where: str) -> Any:
    """An instance of a section from a dict, with those in it."""
    if not isinstance(data, Mapping):
        what = where.rstrip(".") or "The experiment"
        raise TmnetError(f"{what} is {data!r}; it takes fields of its own.")
    hints = typing.get_type_hints(cls)
    for name in data:
        if name not in hints:
            raise TmnetError(
                f"There is no field {where + str(name)!r}{_nearest(str(name), hints, where)}."
            )
    values = {}
    for name, value in data.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, Section):
            value = _build(kind, value, f"{where}{name}.")
        elif kind == tuple[Deal, ...] and isinstance(value, (list, tuple)):
            value = tuple(_build(Deal, deal, f"{where}{name}.") for deal in value)
        elif isinstance(value, list):
            value = tuple(tuple(x) if isinstance(x, list) else x for x in value)
        values[name] = value
    try:
        return cls(**values)
    except TmnetError as error:
        raise TmnetError(f"{where}{error}") from None
    except TypeError:  # without the one field that has no default
        raise TmnetError("The experiment has no name.") from None


def _nearest(name: str, names: Sequence[str] | Mapping[str, Any], where: str = "") -> str:
    near = [some for some in names if some.endswith(f".{name}")]  # without its section
    near = near or difflib.get_close_matches(name, list(names), 3, 0.5)
    if not near:  # those of its section, or all sections
        inside = [some for some in names if some.startswith(name.rpartition(".")[0] + ".")]
        near = inside or list(dict.fromkeys(some.partition(".")[0] for some in names))
    return f"; there is {', '.join(where + some for some in near)}"


def _names(data: Mapping[str, Any], where: str = "") -> list[str]:
    """Names of all fields of a nested dict."""
    names = []
    for name, value in data.items():
        names += _names(value, f"{where}{name}.") if isinstance(value, dict) else [where + name]
    return names


def _plain(value: Any) -> Any:
    """Tuples as lists: YAML knows no others."""
    if isinstance(value, dict):
        return {name: _plain(x) for name, x in value.items()}
    return [_plain(x) for x in value] if isinstance(value, (list, tuple)) else value
