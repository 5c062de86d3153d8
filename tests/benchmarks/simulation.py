"""Trainings that are drawn at random, of which the truth is known: runs in memory, without files.

The finish of a race is drawn with a probability that rises as a sigmoid while a training learns,
its time is what the policy takes at least and an exponential loss. Around that the policy wobbles:
a Gaussian autoregressive process over the races, 1 on the logit of the probability.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit, logit

from tmnet.logs.cache import EventFile
from tmnet.logs.config import Told
from tmnet.logs.events import Events
from tmnet.logs.run import Piece, Run

MAP, CUTOFF, T0 = "A01", 300.0, 1_750_000_000.0
NETWORK = {"neural_network": {"iqn_n": 8, "iqn_k": 32}, "training": {"batch_size": 512}}
LOST = 0.5  # s that a race loses on the way, on average
UNLEARNED = 6.0, 3.0  # before it learns: lower on the logit of the rate, slower in s
EXPLO = 2, 1.0  # explo races for each eval race, and how much lower their logit is
NEVER = 1e-12  # the rate of what never finishes
SCATTER = 0.5, 0.3, 4.0  # of seeds: logit of the rate, s, minutes


@dataclass(frozen=True)
class Training:
    """What is true of a training before anything is drawn.

    Attributes
    ----------
    rate : float
        Of finished eval races once it has learned.
    floor : float
        What no race takes less than then, s.
    learns_at, learning : float
        The minute at which it has learned half, well before the start by default; and over how
        many it does, which is the scale of the sigmoid.
    frozen_at : float
        The minute after which nothing changes.
    wobble : float
        What a race keeps of the policy's wobble at the race before; none at 0.
    minutes, races : float, int
        How long it is, and with how many eval races.
    pace : float
        Frames a minute.
    first_step : int
        Above 0 for one that goes on from a checkpoint.
    """

    rate: float = 0.75
    floor: float = 24.5
    learns_at: float = -np.inf
    learning: float = 4.0
    frozen_at: float = np.inf
    wobble: float = 0.0
    minutes: float = 120.0
    races: int = 600
    pace: float = 3000.0
    first_step: int = 0

    def seeds(self, number: int, rng: np.random.Generator) -> list["Training"]:
        """The same with other seeds, which scatter by `SCATTER`."""
        rate, floor, minutes = (SCATTER * rng.normal(size=(number, 3))).T
        rates = expit(logit(self.rate) + rate)
        return [
            replace(self, rate=p, floor=self.floor + s, learns_at=self.learns_at + late)
            for p, s, late in zip(rates, floor, minutes)
        ]


class Driven:
    """Races of one kind: drawn, and what is true of each.

    Attributes
    ----------
    minute, time_s, finished : ndarray (n,)
        When each ended, its time or the cut-off, and whether it finished.
    """

    def __init__(self, of: Training, kind: str, rng: np.random.Generator):
        often, lower = EXPLO if kind == "explo" else (1, 0.0)
        n = of.races * often
        self.minute = (np.arange(n) + rng.uniform(0.1, 0.9, n)) * of.minutes / n
        to_learn = expit((of.learns_at - np.minimum(self.minute, of.frozen_at)) / of.learning)
        self._logit = logit(of.rate) - lower - UNLEARNED[0] * to_learn
        self._floor = of.floor + UNLEARNED[1] * to_learn
        self._wobbles = of.wobble > 0
        self._wobble = autoregressive(rng, n, of.wobble) if self._wobbles else np.zeros(n)
        rate, floor, lost = self._policies(slice(None), self._wobble)
        self.finished = rng.random(n) < rate
        self.time_s = np.where(self.finished, floor + lost * rng.exponential(size=n), CUTOFF)

    def _policies(self, which, wobble) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities to finish, least times and what is lost on average beyond them, s."""
        rate = expit(self._logit[which] + wobble)
        return rate, self._floor[which] + 0 * wobble, LOST * np.exp(-wobble / 2)

    def true(self, statistic: str, which: np.ndarray, around: bool = False) -> float:
        """What a statistic of some of the races estimates.

        Of the policies that drove these very races; or, `around`, of what they wobble around, that
        is the mean over all wobbles that there could have been.
        """
        wobble, weight = self._wobble[which], np.ones(1)
        if around and self._wobbles:
            nodes, weight = hermegauss(15)
            wobble = np.repeat(nodes[:, None], np.count_nonzero(which), axis=1)
        rate, floor, lost = self._policies(which, wobble)
        weight = np.broadcast_to((weight / weight.sum())[:, None], np.atleast_2d(rate).shape)
        weight, rate, floor, lost = (x.ravel() for x in (weight, rate, floor, lost))
        finishing = weight * rate
        match statistic:
            case "rate":
                return np.average(rate, weights=weight)
            case "mean":
                return np.average(floor + lost, weights=finishing)
            case "mean_all":
                return np.average(rate * (floor + lost) + (1 - rate) * CUTOFF, weights=weight)
            case "best_of_10":  # the integral of the chance that all ten take longer
                seconds = np.linspace(floor.min(), floor.max() + 6 * LOST, 300)
                longer = np.exp(-np.maximum(seconds[:, None] - floor, 0) / lost) @ finishing
                return floor.min() + np.trapezoid((longer / finishing.sum()) ** 10, seconds)
        raise ValueError(statistic)


def autoregressive(rng: np.random.Generator, n: int, kept: float) -> np.ndarray:
    noise = rng.normal(size=n) * np.where(np.arange(n) > 0, np.sqrt(1 - kept**2), 1.0)
    return np.fromiter(accumulate(noise, lambda before, new: kept * before + new), float, n)


def draw(of: Training, name: str, rng: np.random.Generator) -> tuple[Run, dict[str, Driven]]:
    """A training that ran: what it logged, and what is true of its races, by their kind."""
    driven = {kind: Driven(of, kind, rng) for kind in ("eval", "explo")}
    parts = []  # minutes and values of each tag
    for kind, races in driven.items():
        tag = partial(f"Race/{kind}_race_{{}}_trained_{MAP}".format)
        parts.append((tag("time"), races.minute, races.time_s))
        parts.append((tag("finished"), races.minute, races.finished.astype(float)))
    minute = np.arange(1, of.minutes + 1)
    for tag, values in {
        "Training/loss": 100 / (10 + minute) + rng.normal(size=len(minute)),
        f"RL/avg_Q_trained_{MAP}": -500 / (10 + minute) + rng.normal(size=len(minute)),
        "Performance/learner_percentage_training": 0.5 + rng.normal(size=len(minute)) / 20,
        "cumul_number_batches_done": of.pace / 100 * minute,
    }.items():
        parts.append((tag, minute, values))
    tags, minutes, values = zip(*parts)
    lengths, minutes = [len(x) for x in minutes], np.concatenate(minutes)
    order = np.argsort(minutes, kind="stable")
    minutes = minutes[order]
    events = Events(
        tags=list(tags),
        code=np.repeat(np.arange(len(tags), dtype=np.int32), lengths)[order],
        step=of.first_step + (of.pace * minutes).astype(np.int64),
        wall_time=T0 + 60 * minutes,
        value=np.concatenate(values)[order],
        first_wall=T0,
        last_wall=T0 + 60 * float(minutes[-1]),
    )
    folder = Path(name)
    file = EventFile(folder / "events.out.tfevents.1750000000.host.1.0", events, 0, 0, 0, 0, 0)
    run = Run(name, Path(), [Piece(name, folder, [file], [])])
    run.told = Told(NETWORK, {}, [])  # which is read from the file otherwise
    return run, driven
