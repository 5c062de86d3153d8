"""How fast a track can be driven: full throttle without bends, the scripted driver, a search.

Run with ``python tests/benchmarks/best_time.py [TRACK ...] [--drivers 1024] [--smoke]``; it
prints a table. A TRACK is one of tmnet's own, by default both, or the path of a centre line.

The search is for a driver who knows the track by heart. It follows the line of the least curvature,
as fast as the grip allows, and brakes for what comes. Section by section a batch of drivers, who
change line and speed at random places, is driven some way ahead, and the fastest stay. What is
found has been driven, so it is a bound from above.
"""

import argparse
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from measuring import options, print_table
from scipy.optimize import least_squares
from scipy.sparse import diags, vstack

from tmnet.racing import Cars, RaceVectorEnv, Simulator, Track, drive, load_track
from tmnet.racing.simulator import ACTION, GRIP, KMH
from tmnet.racing.track import AFTER, BEFORE, SPACING, own_tracks

STEP = 8  # zones between two points of the racing line
HALF_WIDTH = 8.0  # m from the centre line that it uses
BRAKING = 20.0  # m/s2 that it counts on
KNOT = 40  # m between two places where the search changes something
SECTION, AHEAD = 60.0, 320.0  # m that are driven, and that are seen ahead, before one is chosen
# m and s ahead that a driver steers at, s of turning that it allows for, rad off for it to steer
CAR = {
    "look": (2, 12), "look_time": (0.1, 0.45), "turning": (0, 0.25), "steer": (0.004, 0.03),
}  # fmt: skip


def straightened(track: Track) -> Track:
    """The same altitudes and turbo pads, straight in plan."""
    line = track.zones[BEFORE:-AFTER]
    ahead = np.hypot(*np.diff(line[:, [0, 2]], axis=0).T).cumsum()
    z = np.concatenate([[0], ahead])
    straight = Track.from_points(np.stack([0 * z, line[:, 1], z], axis=1), track.name)
    turbo = np.resize(track.turbo, len(straight.zones))
    turbo[len(track.turbo) :] = False
    return replace(straight, turbo=turbo)


def time_of(track: Track, policy) -> float:
    """Seconds to the finish; NaN for a race that is cut off."""
    env = RaceVectorEnv([track], num_envs=1, image_size=None)
    seen, _ = env.reset()
    while True:
        seen, _, terminated, truncated, info = env.step(policy(seen["floats"]))
        if terminated or truncated:
            return info["time_s"].item() if terminated else np.nan


def racing_line(track: Track) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every metre: m to the left of the centre line, m/s that grip allows, slope (up is 1)."""
    zones = slice(BEFORE, len(track.zones) - AFTER, STEP)
    centre, left = track.zones[zones][:, [0, 2]], track.frames[zones, 0][:, [0, 2]]
    count = len(centre)

    def curvature(aside):
        step = np.diff(centre + left * aside[:, None], axis=0)
        length = np.hypot(*step.T)
        turn = np.arctan2(
            step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0], (step[:-1] * step[1:]).sum(1)
        )
        return turn / ((length[1:] + length[:-1]) / 2), length

    def cost(aside):
        bend, length = curvature(aside)
        return np.concatenate([20 * bend, 0.02 * np.sqrt(length)])

    pattern = vstack(
        [
            diags([1.0] * 3, range(3), (count - 2, count)),
            diags([1.0] * 2, range(2), (count - 1, count)),
        ]
    )
    most = np.full(count, HALF_WIDTH)
    most[0] = 0.01
    found = least_squares(
        cost, np.zeros(count), bounds=(-most, most), jac_sparsity=pattern, max_nfev=60
    )
    bend = np.abs(curvature(found.x)[0])
    metres, at = np.arange(int(track.length) + 400), np.arange(count) * STEP * SPACING
    speed = np.full(len(bend), 300.0)
    for _ in range(30):  # v2 = grip(v) / bend
        grip = np.interp(speed / KMH, *GRIP)
        speed = (speed + np.minimum(np.sqrt(grip / np.maximum(bend, 1e-5)), 300)) / 2
    slope = np.interp(metres, at, track.frames[zones, 2, 1])
    return np.interp(metres, at, found.x), np.interp(metres, at[1:-1], speed), slope


class Drivers:
    """A batch of drivers of one track; each is a row of numbers.

    How far it is to the left of the racing line, at each knot; the logarithm of the share of the
    speed there; and `CAR`.
    """

    def __init__(self, track: Track):
        self.simulator = Simulator([track])
        self.length = track.length
        self.line, self.speed, self.slope = racing_line(track)
        self.knots = len(self.line) // KNOT + 2

    def first(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Rows of drivers who all drive their own way."""
        rows = np.zeros((count, 2 * self.knots + len(CAR)))
        rows[:, self.knots : 2 * self.knots] = random.uniform(-0.25, 0.02, (count, 1))
        rows[:, 2 * self.knots :] = random.uniform(*np.transpose(list(CAR.values())), (count, 4))
        return rows

    def changed(self, rows: np.ndarray, begin: float, end: float, random: np.random.Generator):
        """Most rows changed around a place each, m from the start."""
        places = random.uniform(begin, end, (len(rows), 1)) / KNOT
        width = random.choice([0.6, 1.0, 2.0], places.shape)
        bump = np.exp(-0.5 * ((np.arange(self.knots) - places) / width) ** 2)
        often = random.random((2, len(rows), 1)) < 0.7
        aside, faster = random.normal(size=often.shape) * often
        car = np.exp(0.2 * random.normal(size=(len(rows), len(CAR))) * (places % 1 < 0.3))
        knots = rows[:, : 2 * self.knots] + np.hstack([2.5 * aside * bump, 0.08 * faster * bump])
        return np.hstack([knots, rows[:, 2 * self.knots :] * car])

    def plans(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Of every metre: m to the left of the centre line, and m/s."""
        share = np.arange(len(self.line)) / KNOT
        knot, share = share.astype(int), share % 1
        knots = rows[:, : 2 * self.knots].reshape(len(rows), 2, -1)
        aside, faster = np.moveaxis(
            knots[..., knot] * (1 - share) + knots[..., knot + 1] * share, 1, 0
        )
        goal = torch.tensor(self.line + aside).float().clamp(-HALF_WIDTH - 2, HALF_WIDTH + 2)
        allowed = self.speed * np.exp(faster)
        for metre in range(len(self.line) - 2, -1, -1):
            braked = allowed[:, metre + 1] ** 2 + 2 * max(2, BRAKING + 25 * self.slope[metre])
            allowed[:, metre] = np.minimum(allowed[:, metre], np.sqrt(braked))
        return goal, torch.tensor(allowed).float()

    def driven(self, cars: Cars, rows: np.ndarray, section: float, horizon: float):
        """From where they are: the cars past the section, s until then, s until the horizon.

        Infinite for those who do not get there.
        """
        simulator, count, last = self.simulator, len(rows), len(self.line) - 1
        goal, allowed = self.plans(rows)
        look, look_time, turning, steer = torch.tensor(rows[:, 2 * self.knots :].T).float()
        each, open_ = torch.arange(count), torch.ones(count, dtype=torch.bool)
        past, until, reached = cars, *torch.full((2, count), torch.inf)
        for step in range(400):
            speed = cars.speed[2]
            metre = (cars.passed + look + look_time * speed).clamp(0, last).long()
            zone = BEFORE + metre * 2
            point = simulator.points[:, zone] + simulator.road[:3, zone] * goal[each, metre]
            x, _, z = ((point - cars.position) * cars.axes).sum(1)
            angle = torch.atan2(x, z) - turning * cars.turning[1]
            side = torch.where(angle > steer, 1, torch.where(angle < -steer, 2, 0))
            limit = allowed[each, (cars.passed + speed * ACTION).clamp(0, last).long()]
            pedal = torch.where(speed > limit * 1.04, 6, torch.where(speed > limit, 3, 0))
            before = cars.passed
            cars, outcome = simulator.act(cars, pedal + side)
            leaves = open_ & until.isinf() & (cars.passed >= section)
            past = past.where(leaves, cars)
            until = torch.where(leaves, (step + 1) * ACTION, until)
            share = (horizon - before) / (cars.passed - before).clamp_min(1e-6) * ACTION
            share = torch.where(outcome.finished, outcome.elapsed / 1000, share)
            ends = open_ & ((cars.passed >= horizon) | outcome.finished)
            reached = torch.where(ends, step * ACTION + share, reached)
            open_ &= ~ends & (cars.place[0].abs() <= 14.8) & (cars.idle <= 20)
            if not open_.any():
                break
        return past, until, reached


def best_time(track: Track, count: int, kept: int) -> float:
    """Seconds to the finish of the best driver that is found.

    Section by section, so many drivers are tried, and those kept who are the first some way ahead.
    """
    random, drivers = np.random.default_rng(0), Drivers(track)
    rows = drivers.first(count, random)
    cars = drivers.simulator.standing(torch.zeros(count, dtype=torch.int64))
    elapsed, begin = torch.zeros(count), 0.0
    while True:
        section, horizon = begin + SECTION, min(begin + SECTION + AHEAD, track.length)
        for _ in range(10):
            past, until, reached = drivers.driven(cars, rows, section, horizon)
            lost = reached.isinf().numpy()
            if (~lost).sum() >= kept:
                break  # else the others try again, slower
            rows[lost] = drivers.changed(rows[lost], begin - 40, horizon, random)
            rows[lost, drivers.knots : 2 * drivers.knots] -= 0.02
        reached += elapsed
        if horizon == track.length:
            return reached.min().item()
        order = reached.argsort()[: reached.isfinite().sum()]
        if not len(order):
            return np.nan
        # half are the fastest, half any others: who is slower now may be the one who gets round
        others = random.permutation(order[kept // 2 :])[: kept // 2]
        order = torch.cat([order[: kept // 2], torch.tensor(others, dtype=torch.int64)])
        order = order.repeat(-(-count // len(order)))[:count]
        cars, elapsed = past.map(partial(torch.index_select, dim=-1, index=order)), elapsed + until
        elapsed = elapsed[order]
        begin, rows = section, rows[order]
        rows[kept:] = drivers.changed(rows[kept:], begin - 40, horizon, random)


@torch.inference_mode()
def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("tracks", nargs="*", metavar="TRACK", default=argparse.SUPPRESS)
    parser.add_argument("--drivers", type=int, default=1024, help="that the search tries at once")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows = []
    for name in getattr(arguments, "tracks", own_tracks()):
        track = load_track(name)
        if arguments.smoke:
            track = track.first(60.0)
        count = 8 if arguments.smoke else arguments.drivers
        throttle = time_of(straightened(track), lambda floats: torch.tensor([0]))
        times = (throttle, time_of(track, drive), best_time(track, count, count // 8))
        rows.append((track.name, *(f"{x:.2f}" for x in times)))
    heads = ("straightened, full throttle (s)", "scripted driver (s)", "best found (s)")
    print_table(["track", *heads], rows)


if __name__ == "__main__":
    main()
