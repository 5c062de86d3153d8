"""How experiments are cut down, so that they say something on two cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tmnet.experiments.config import Experiment


class Scale(NamedTuple):
    """What is cut down, of both networks alike.

    Attributes
    ----------
    about : str
        What it is for.
    factors : mapping of str to float
        What fields are multiplied by; of schedules it is the frames.
    values : mapping of str to any
        What others are.
    minutes : (float, float)
        At least, and at most.
    explo_races : int
        Of a map, between two evals.
    """

    about: str
    factors: Mapping[str, float]
    values: Mapping[str, Any]
    minutes: tuple[float, float]
    explo_races: int

    def __call__(self, full: Experiment) -> dict[str, Any]:
        """What the fields of an experiment become, but for `scale`."""
        values = dict(self.values)
        for name, factor in self.factors.items():
            section, _, last = name.rpartition(".")
            owner: Any = getattr(full, section) if section else full
            value = getattr(owner, last)
            field = {field.name: field for field in fields(owner)}[last]
            if value is None:
                continue
            if "points" in field.metadata:  # of a schedule the frames
                values[name] = [[at * factor, *others] for at, *others in value]
            elif field.type == "int":
                step = 2 if field.metadata.get("even") else 1
                values[name] = max(round(value * factor / step), 1 if value else 0) * step
            else:
                values[name] = value * factor
        if full.minutes is not None:
            least, most = self.minutes
            values["minutes"] = min(max(values["minutes"], least), most, full.minutes)
        values["map_cycle"] = [
            deal | {"races": min(deal["races"], self.explo_races)}
            for deal in full.to_dict()["map_cycle"]
        ]
        return values


LAPTOP = Scale(
    "cut down for two cores and 15 to 25 minutes",
    {
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
    },
    {"stretch_m": 600.0},
    (15.0, 25.0),
    16,
)
# No image is drawn, and little learned from each frame, as frames cost little then.
POCKET = Scale(
    "without images, for many at once: 3 to 5 minutes of one core each",
    {
        "neural_network.iqn_embedding_dimension": 1 / 4,
        "neural_network.iqn_n": 1 / 2,
        "neural_network.iqn_k": 1 / 4,
        "neural_network.float_hidden_dim": 1 / 4,
        "neural_network.dense_hidden_dimension": 1 / 4,
        "training.batch_size": 1 / 4,
        "training.target_update_every": 1 / 8,
        "training.mini_race_actions": 2 / 7,
        "training.global_schedule_speed": 3 / 10,
        "training.gamma_schedule": 1 / 50,
        "recording.suffix_schedule": 1 / 15,
        "memory.uses_per_transition": 1 / 8,
        "minutes": 5 / 561,
    },
    {
        "stretch_m": 200.0,
        "neural_network.use_image_head": False,
        "training.target_update_share": 0.1,
        "memory.schedule": [(0, 50_000, 1_000)],
        "performance.num_envs": 32,
        "performance.threads": 1,
    },
    (3.0, 5.0),
    8,
)
SCALES = {"laptop": LAPTOP, "pocket": POCKET}
ABOUT = "; ".join(f"{name}: {scale.about}" for name, scale in SCALES.items())
