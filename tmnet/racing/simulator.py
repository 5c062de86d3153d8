"""The car on its road: a batch of races, 10 ms at a time, as tensors with the races last.

Races of a batch must not depend on each other, to the last bit. So only operations are used that
are rounded correctly whatever the size of the batch (+, -, *, /, square root, comparisons) and
look-ups in tables; anything else (sin, exp, matrix products, fused multiply-add, sums of more than
four) may round differently in the vectorised and the left-over part of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tmnet.arguments import several, wrong
from tmnet.devices import usable_device
from tmnet.racing.track import BEFORE, CEILING, DIRT, ROAD, SPACING, WALL, Track

TICK = 0.01  # s
TICKS = 5  # per action
ACTION = TICK * TICKS  # s

# accelerate, brake, left, right
ACTIONS = [
    (gas, brake, left, right)
    for gas, brake in ((1, 0), (0, 0), (0, 1), (1, 1))
    for left, right in ((0, 0), (1, 0), (0, 1))
]

KMH = 1 / 3.6  # m/s
GRAVITY = 25.0  # m/s2, as in the game
# Full throttle on asphalt, level: 0-100 km/h in 2.2 s, 0-200 in 5.8 s, 0-300 in 12 s.
DRIVE = ((0, 100, 200, 300, 400, 500, 1000, 1200), (15.7, 10.2, 5.95, 3.5, 3.1, 2.8, 0.0, -3.0))
GRIP = ((0, 100, 200, 300, 400, 500, 1000), (80, 80, 75, 67, 60, 55, 30))  # m/s2 sideways
COAST = ((0, 1000), (1.5, 9.8))  # m/s2 of drag without throttle
GEAR_UP = (102, 162, 235, 342)  # km/h
GEAR_DOWN = 0.85  # of the speed at which it went up

_BRAKE = 22.0  # m/s2
_REVERSE, _REVERSE_SPEED = 6.0, 15.0  # m/s2, m/s
_TIGHTEST = 8.0  # m: radius at walking speed
_STEER_RATE = 10.0  # full locks per s
_OVERSTEER = 1.06  # steering asks for a little more than there is grip: full lock slides
_ALIGN = 3.0  # 1/s: a sliding car turns towards where it goes
_DRIFT = 0.3  # braking in a bend: so much less grip, and so much more turning
_DIRT_HOLD, _GRASS_HOLD = 0.25, 0.15  # of the grip on asphalt
_DIRT_ROUGH, _GRASS_ROUGH = 0.6, 1.2
_ROUGH = (3.0, 0.08)  # m/s2 and 1/s of drag, times the roughness
_SCRAPE = 20.0  # m/s2 along a wall
_TURBO = 80.0  # m/s2 ahead from a turbo pad, with throttle or without
_TOUCH = 0.1  # m: travel of the springs; higher up, a wheel is in the air
_LEVEL = 0.7  # of the nose's lift that is gone 50 ms after the wheels touch
_HALF_TRACK, _HALF_BASE = 0.85, 1.3  # m
SLIDING = 0.5  # m/s sideways, on the ground

_SLOWEST, _FASTEST, _PER_SPEED = 100.0, 320.0, 8  # m/s, and entries per m/s of the curves
_PER_METRE = 4  # entries of the table of surfaces


@dataclass(frozen=True)
class Cars:
    """The state of a batch of N races, after a whole number of actions.

    `left`, `up`, `forward` name rows in this order. All float32, but the counters (int64).
    """

    position: Tensor  # (3, N) m, in the world
    velocity: Tensor  # (3, N) m/s, in the world
    axes: Tensor  # (3, 3, N) the car's left, up, forward, in the world
    turning: Tensor  # (3, N) rad/s around its own axes
    speed: Tensor  # (3, N) m/s along its own axes
    along: Tensor  # (3, N) the road's direction, in the car's left, up, forward
    place: Tensor  # (3, N) m from the zone: left, up, along the road
    # hold / 4, roughness / 4, turbo, asphalt, grass, dirt under each wheel
    ground: Tensor  # (6, 4, N)
    contact: Tensor  # (4, N) 1 where a wheel touches the ground
    load: Tensor  # (N,) g with which the ground carried it
    steer: Tensor  # (N,) -1 right .. 1 left
    gear: Tensor  # (N,) 0 .. 4
    shifted: Tensor  # (N,) 1 where it has just changed gear
    shifts: Tensor  # (N,) gear changes
    history: Tensor  # (20, N) the last 5 actions x (accelerate, brake, left, right), oldest first
    track: Tensor  # (N,) number of the track
    passed: Tensor  # (N,) m from the start along the centre line, negative behind it
    zone: Tensor  # (N,) number in the simulator's table
    furthest: Tensor  # (N,) zone
    idle: Tensor  # (N,) actions since it was reached
    actions: Tensor  # (N,) since the start

    def map(self, change: Callable[[Tensor], Tensor]) -> Cars:
        """The same change of all fields."""
        return Cars(*(change(getattr(self, field.name)) for field in fields(Cars)))

    def where(self, mask: Tensor, other: Cars) -> Cars:
        """`other`'s races where `mask` (N,) says so, these elsewhere."""
        return Cars(
            *(
                torch.where(mask, getattr(other, field.name), getattr(self, field.name))
                for field in fields(Cars)
            )
        )


@dataclass(frozen=True)
class Outcome:
    """What an action brought."""

    elapsed: Tensor  # (N,) ms: 50, or less where the finish was crossed
    progress: Tensor  # (N,) m along the centre line, not beyond the finish
    finished: Tensor  # (N,) bool


class Simulator:
    """Tracks and car, on a device; races are started and moved on without changing anything here.

    Parameters
    ----------
    tracks : sequence of Track
    device : torch.device or str
    """

    def __init__(self, tracks: Sequence[Track], device: torch.device | str = "cpu"):
        form = "tracks, as load_track returns them"
        self.tracks = tuple(several("tracks", tracks, Track, form))
        if not self.tracks:
            raise wrong("tracks", tracks, form)
        self.device = usable_device(device)
        sizes = [len(track.zones) for track in self.tracks]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.start = self._whole(offsets + BEFORE)  # (tracks,)
        self.ends = torch.stack(  # (2, tracks): the first and the last zone of each
            [self._whole(offsets), self._whole(offsets + np.array(sizes) - 1)]
        )
        self.length = self._real([track.length for track in self.tracks])  # (tracks,)
        frames = np.concatenate([track.frames for track in self.tracks]).transpose(1, 2, 0)
        points = np.concatenate([track.zones for track in self.tracks]).T
        metres = [(np.arange(size) - BEFORE) * SPACING for size in sizes]
        bends = np.concatenate([_bends(track) for track in self.tracks]).T  # (2, zones)
        self.line = self._real(  # (8, zones): points, the road's left, curvature, m from the start
            np.concatenate([points, frames[0], bends[:1], [np.concatenate(metres)]])
        )
        self.points = self.line[:3]  # (3, zones)
        self.road = torch.cat(  # (27, zones): 9 x 3
            [
                self._real(frames.reshape(9, -1)),
                self.points,
                torch.zeros(9, sum(sizes), device=self.device),  # directions have no origin
                self._real(-GRAVITY * TICK * frames[:, 1]),
                self._real(bends),
                self.line[7:],
            ]
        )
        self._inputs = self._real(_inputs())
        self._pushes = self._real(_pushes())
        self._surface = self._real(_surface())  # without a pad, and behind it the same with one
        pads = np.concatenate([track.turbo for track in self.tracks])
        self._pad = self._whole(pads * (self._surface.shape[1] // 2))  # (zones,)
        ups = np.array([-np.inf, *GEAR_UP, np.inf]) * KMH
        self._shift_at = self._real([ups[1:], ups[:-1] * GEAR_DOWN])  # (2, gears)
        self._reach = self._real(np.arange(1, TICKS + 1)[:, None] * TICK * _STEER_RATE)
        self._wheel = self._real(  # (2, 4, 1, 1): to the left, forward
            [
                [[[_HALF_TRACK]], [[-_HALF_TRACK]]] * 2,
                [[[_HALF_BASE]]] * 2 + [[[-_HALF_BASE]]] * 2,
            ]
        )
        self._low = self._real([[-WALL], [0.0], [-np.inf]])
        self._high = self._real([[WALL], [CEILING], [np.inf]])
        # tensors, because an operation with a Python number takes twice as long
        self._zero, self._one, self._once = self._real(0.0), self._real(1.0), self._whole(1)
        self._tick, self._per_spacing = self._real(TICK), self._real(1 / SPACING)
        self._per_speed, self._per_offset = self._real(_PER_SPEED), self._real(_PER_METRE)
        self._slowest = self._real(-_SLOWEST * _PER_SPEED)
        self._fastest = self._real(_FASTEST * _PER_SPEED - 1)
        self._touch, self._level = self._real(_TOUCH), self._real(_LEVEL)
        self._at_wall, self._narrow = self._real(WALL - 0.05), self._real(0.2)
        self._half_stride = self._real(ACTION / 2 / SPACING)
        self._along = self._real([[0.0], [0.0], [1.0]])
        self._whole_action = self._real(ACTION * 1000)
        self._upright = self._real(1e-6)
        self._per_action, self._per_load = self._real(1 / ACTION), self._real(1 / ACTION / GRAVITY)

    def _real(self, values) -> Tensor:
        # in C's order, because a look-up in another one would first copy the whole table
        values = np.asarray(values, order="C")
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def _whole(self, values) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.int64, device=self.device)

    def standing(self, track: Tensor) -> Cars:
        """Cars that stand at the start; `track` (N,) says of which track."""
        zone = self.start[track]
        count = len(track)
        axes = self.road.index_select(1, zone)[:9].view(3, 3, count)
        position = self.points.index_select(1, zone)
        none = torch.zeros(count, device=self.device)
        nothing, never = torch.zeros(3, count, device=self.device), torch.zeros_like(track)
        wheels = torch.ones(4, count, device=self.device)
        forward = self._inputs[:4, :1].repeat(5, count)
        return Cars(
            position=position,
            velocity=nothing,
            axes=axes,
            turning=nothing,
            speed=nothing,
            along=self._along.expand(3, count),
            place=nothing,
            ground=self._surface[:, :1, None].expand(6, 4, count),
            contact=wheels,
            load=none + 1,
            steer=none,
            gear=never,
            shifted=none,
            shifts=none,
            history=forward,
            track=track,
            passed=none,
            zone=zone,
            furthest=zone,
            idle=never,
            actions=never,
        )

    def act(self, cars: Cars, action: Tensor) -> tuple[Cars, Outcome]:
        """Move all races on by one action (50 ms); `action` (N,) int64, 0 .. 11."""
        count = len(action)
        inputs = self._inputs.index_select(1, action)
        gear, shifted = self._shift(cars)
        limits, align, turns, steer = self._forces(cars, inputs, shifted)

        # between two actions (4 m at 300 km/h) the road counts as flat: as it is half-way
        stride = (cars.speed * cars.along).sum(0) * self._half_stride
        low, high = self.ends.index_select(1, cars.track).unbind()
        zone = (cars.zone + stride.round_().long()).clamp_(low, high)
        road = self.road.index_select(1, zone).view(9, 3, count)
        frame, origin, gravity, bend = road[:3], road[3:7], road[7], road[8]
        left, _, forward = cars.axes.unbind()
        body = torch.stack((cars.position, cars.velocity, left, forward))
        body = ((body - origin).unsqueeze(1) * frame).sum(2)
        place, speed, car, places = body[0], body[1], body[2:], []
        for turn in turns.unbind():
            place, speed, car = self._tick_on(place, speed, car, gravity, limits, align, turn)
            places.append(place)
        body = torch.stack((place, speed, car[1]))
        body = (body.unsqueeze(2) * frame).sum(1) + origin[:3]

        along = torch.stack(places)[:, 2] + bend[2]  # (ticks, N)
        # towards the inside of a bend, and above a dip, the zones are closer together
        spread = (self._one - (bend[:2] * place[:2]).sum(0)).clamp_min(self._narrow)
        stride = (place[2] * self._per_spacing).div_(spread)
        zone = (zone + stride.round_().long()).clamp_(low, high)
        moved = self._posed(
            cars, body, zone, steer=steer, gear=gear, shifted=shifted, history=inputs[:4]
        )
        return moved, self._outcome(cars, moved, along)

    def _shift(self, cars: Cars) -> tuple[Tensor, Tensor]:
        """The gear, and 1 where it is another one."""
        beyond = cars.speed[2] - self._shift_at.index_select(1, cars.gear)  # (2, N) up, down
        change = beyond.ge_(self._zero).sum(0).sub_(self._one)
        return cars.gear + change.long(), change.abs_()

    def _forces(self, cars: Cars, inputs: Tensor, shifted: Tensor) -> tuple[Tensor, ...]:
        """What acts during the next action, from speed and ground at its beginning.

        Returns (2, 2, 1, N) the least and the most speed, to the left and forward, that the wheels
        can take away, in m/s per tick; (2, 1, N) by how many rad per tick and m/s of sliding the
        car aligns itself; (ticks, 2, 1, N) rad that the steering turns it: both negative for the
        car's left, positive for its forward; (N,) the steering at the end.
        """
        lock, column = inputs[4], inputs[5]
        column = (cars.speed[2] * self._per_speed).clamp_(self._slowest, self._fastest) + column
        pushes = self._pushes.index_select(1, column.long()).view(6, 8, -1)
        scrapes = (cars.place[0].abs() - self._at_wall).gt_(self._zero)
        ground = cars.ground[:3].sum(1)
        shares = (torch.ones_like(lock)[None], ground, scrapes[None], shifted[None])
        pushes = pushes * torch.cat(shares).unsqueeze(1)
        pushes = (pushes[:3] + pushes[3:]).sum(0).view(4, 2, 1, -1)
        steer = lock.clamp(cars.steer - self._reach, cars.steer + self._reach)
        return pushes[:2], pushes[2], pushes[3] * steer[:, None, None], steer[-1]

    def _tick_on(
        self,
        place: Tensor,
        speed: Tensor,
        car: Tensor,
        gravity: Tensor,
        limits: Tensor,
        align: Tensor,
        turn: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One tick, in the road's frame: left, up, along.

        (3, N) place in m, (3, N) speed in m/s, (2, 3, N) the car's own left and forward.
        """
        # the corridor: neither through the ground and the walls, nor faster towards them
        inside = place.clamp(self._low, self._high)
        speed = (place - inside).mul_(speed).le_(self._zero).mul_(speed)

        # the wheels: they act to the car's left and forward, while it touches the ground
        contact = (place[1] - self._touch).le_(self._zero)
        least, most = (limits * contact).unbind()
        going = (car * speed).sum(1, True)  # (2, 1, N)
        turned = (align * going[0]).add_(turn).mul_(contact)
        speed = speed.sub_((car * going.clamp_(least, most)).sum(0)).add_(gravity)
        # left' = left - forward * turned, forward' = forward + left * turned
        car = car.flip(0).mul_(turned).add_(car)
        return inside.add_(speed * self._tick), speed, car

    def _posed(
        self, before: Cars, body: Tensor, zone: Tensor, *, history: Tensor, **changed: Tensor
    ) -> Cars:
        """The cars after an action, seen from where they have got to."""
        count = zone.shape[0]
        road = self.road.index_select(1, zone).view(9, 3, count)
        frame, origin = road[:3], road[3:6]
        place, speed, nose = ((body - origin).unsqueeze(1) * frame).sum(2).unbind()
        left, up, along = nose.unbind()

        # on the ground the nose comes down; in the air it stays where it points
        grounded = (place[1] - self._touch).le_(self._zero)
        up = up - up * (grounded * self._level)
        flat = left * left + along * along + self._upright
        long = flat + up * up
        length = torch.stack((flat, long, long)).sqrt_()  # of the three axes as they are below
        flat = length[0]
        right, lean = -left, -up / flat
        axes = torch.stack(  # (car's axes, road's axes; N)
            (
                along,
                torch.zeros_like(up),
                right,
                left * lean,
                flat,
                along * lean,
                left,
                up,
                along,
            )
        ).view(3, 3, count)
        axes.div_(length.unsqueeze(1))
        world = (axes.unsqueeze(2) * frame).sum(1)  # (3, 3, N)
        # how far up has gone towards forward, forward towards left, left towards up
        spin = (world - before.axes).roll(-1, 0).mul_(world.roll(1, 0))
        wheels = (self._wheel * axes[::2, None, :2]).sum(0) + place[:2]  # (4, left and up, N)
        offset, height = wheels.unbind(1)
        cell = (offset.abs() * self._per_offset).long().add_(self._pad.index_select(0, zone))
        velocity = body[1]
        carried = ((velocity - before.velocity) * frame[1]).sum(0)
        return Cars(
            position=body[0],
            velocity=velocity,
            axes=world,
            turning=spin.sum(1).mul_(self._per_action),
            speed=(axes * speed).sum(1),
            along=axes[:, 2],
            place=place,
            ground=self._surface.index_select(1, cell.view(-1)).view(6, 4, count),
            contact=(height - self._touch).le_(self._zero),
            load=(carried * self._per_load).add_(frame[1, 1]).mul_(grounded),
            shifts=before.shifts + changed["shifted"],
            history=torch.cat((before.history[4:], history)),
            track=before.track,
            passed=road[8, 2] + place[2],
            zone=zone,
            furthest=torch.maximum(zone, before.furthest),
            idle=(before.idle + self._once) * (zone <= before.furthest),
            actions=before.actions + self._once,
            **changed,
        )

    def _outcome(self, before: Cars, after: Cars, along: Tensor) -> Outcome:
        """`along` (ticks, N): m from the start after every tick."""
        length = self.length.index_select(0, before.track)
        crossed = along >= length
        progress = torch.minimum(after.passed, length) - before.passed
        finished = crossed.any(0)
        whole = self._whole_action.expand_as(length)
        if not finished.any():
            return Outcome(whole, progress, finished)
        earlier = torch.cat((before.passed[None], along[:-1]))
        step = (along - earlier).clamp_min(1e-6)
        # the share of each tick that was driven before the finish: 1 .. 1, in between, 0 .. 0
        shares = ((length - earlier) / step).clamp(0.0, 1.0)
        elapsed = torch.where(
            finished, (shares[:3].sum(0) + shares[3:].sum(0)) * (TICK * 1000), whole
        )
        return Outcome(elapsed, progress, finished)


def _bends(track: Track) -> np.ndarray:
    """(zones, 2) 1/m: curvature of the road to its left, and upwards."""
    turn = np.gradient(track.frames[:, 2], axis=0) / SPACING
    return np.stack([(turn * track.frames[:, side]).sum(1) for side in (0, 1)], axis=1)


def _inputs() -> np.ndarray:
    """(6, actions): the four inputs, the steering's goal, where the action is in `_pushes`."""
    gas, brake, left, right = np.array(ACTIONS).T
    speeds = round((_SLOWEST + _FASTEST) * _PER_SPEED)
    column = np.arange(len(ACTIONS)) * speeds + _SLOWEST * _PER_SPEED
    return np.stack([gas, brake, left, right, left - right, column])


@cache
def _pushes() -> np.ndarray:
    """(6 x 8, actions x speeds): how the car pushes itself, per tick; float32.

    As a sum of six: of what always acts, and what acts times the hold and the roughness of the
    ground and the wheels on a turbo pad, where it scrapes along a wall, and where it has just
    changed gear. Of each (4, 2), for the car's left and forward: the least and the most m/s that
    the wheels take away; rad per m/s of sliding; rad at full lock. A car is turned to the left by
    taking from its left what it adds to its forward.
    """
    speed = np.arange(-_SLOWEST, _FASTEST, 1 / _PER_SPEED)
    pace = np.abs(speed)
    drive, coast, grip = (
        np.interp(pace, np.array(speeds) * KMH, values) * TICK
        for speeds, values in (DRIVE, COAST, GRIP)
    )
    yaw = np.minimum(pace / _TIGHTEST * TICK, _OVERSTEER * grip / np.maximum(pace, 1))
    yaw *= np.sign(speed)
    align = _ALIGN * TICK / np.maximum(pace, 5.0) * np.sign(speed)
    drag = (_ROUGH[0] + _ROUGH[1] * pace) * TICK

    gas, brake, left, right = np.array(ACTIONS).T[:, :, None]
    drift = _DRIFT * brake * (left + right)
    off = 1 - gas
    # at walking speed the brake becomes the reverse gear
    slow = brake * off * (speed < 0.5)
    back = _REVERSE * TICK * slow * (speed > -_REVERSE_SPEED)
    always, hold, rough, turbo, scrape, shifted = table = np.zeros(
        (6, 4, 2, len(ACTIONS), len(speed)), np.float32
    )
    resist, push = np.array([-1, 1])[:, None, None], -1
    always[:2, 1] = resist * (off * coast) + push * (gas * drive - back)
    always[2] = resist * align
    always[3] = resist * (yaw * 0.3 * (1 + drift))
    hold[:2, 0] = resist * (grip * (1 - drift))
    hold[:2, 1] = resist * (_BRAKE * TICK * (brake - slow))
    hold[3] = resist * (yaw * 0.7 * (1 + drift))
    rough[:2, 1] = resist * drag
    turbo[:2, 1] = push * (_TURBO / 4 * TICK)
    scrape[:2, 1] = resist * (_SCRAPE * TICK)
    shifted[:2, 1] = gas * drive
    return table.reshape(6 * 8, -1)


def _surface() -> np.ndarray:
    """(6, 2 x cells): the ground at a distance from the centre line, as in `Cars.ground`.

    Where there is no turbo pad across the asphalt, and where there is one.
    """
    beside = (np.arange((WALL + 5) * _PER_METRE) + 0.5) / _PER_METRE
    asphalt, grass = beside <= ROAD, beside > DIRT
    dirt = ~asphalt & ~grass
    hold = asphalt + _DIRT_HOLD * dirt + _GRASS_HOLD * grass
    rough = _DIRT_ROUGH * dirt + _GRASS_ROUGH * grass
    none = np.zeros_like(asphalt)
    plain = [hold / 4, rough / 4, none, asphalt, grass, dirt]
    pads = [hold / 4, rough / 4, asphalt, none, grass, dirt]
    return np.concatenate([plain, pads], axis=1)
