"""The car on its road: a batch of races, 10 ms at a time, as tensors with the races last.

Races of a batch must not depend on each other, to the last bit. So only operations are used that
are rounded correctly whatever the size of the batch (+, -, *, /, square root, comparisons) and
look-ups in tables; anything else (sin, exp, matrix products, fused multiply-add) may round
differently in the vectorised and the left-over part of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

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
    ground: Tensor  # (5, 4, N) hold / 4, roughness / 4, asphalt, grass, dirt under each wheel
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
        self.tracks = tuple(tracks)
        self.device = torch.device(device)
        sizes = [len(track.zones) for track in tracks]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.start = self._whole(offsets + BEFORE)  # (tracks,)
        self.ends = torch.stack(  # (2, tracks): the first and the last zone of each
            [self._whole(offsets), self._whole(offsets + np.array(sizes) - 1)]
        )
        self.length = self._real([track.length for track in tracks])  # (tracks,)
        frames = np.concatenate([track.frames for track in tracks]).transpose(1, 2, 0)
        points = np.concatenate([track.zones for track in tracks]).T
        metres = [(np.arange(size) - BEFORE) * SPACING for size in sizes]
        bends = np.concatenate([_bends(track) for track in tracks]).T  # (2, zones)
        self.line = self._real(  # (8, zones): points, the road's left, curvature, m from the start
            np.concatenate([points, frames[0], bends[:1], [np.concatenate(metres)]])
        )
        self.points = self.line[:3]  # (3, zones)
        self.road = torch.cat(  # (27, zones)
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
        self._curves = self._real(_curves())
        self._surface = self._real(_surface())
        ups = np.array([-np.inf, *GEAR_UP, np.inf]) * KMH
        self._shift_at = self._real([ups[1:], ups[:-1] * GEAR_DOWN])  # (2, gears)
        self._reach = self._real(np.arange(1, TICKS + 1)[:, None] * TICK * _STEER_RATE)
        self._wheel = self._real(  # (2, 4, 1): to the left, forward
            [
                [[_HALF_TRACK], [-_HALF_TRACK]] * 2,
                [[_HALF_BASE]] * 2 + [[-_HALF_BASE]] * 2,
            ]
        )
        self._low = self._real([[-WALL], [0.0], [-np.inf]])
        self._high = self._real([[WALL], [CEILING], [np.inf]])
        # tensors, because an operation with a Python number takes twice as long
        self._zero, self._tick = self._real(0.0), self._real(TICK)
        self._per_spacing, self._per_speed = self._real(1 / SPACING), self._real(_PER_SPEED)
        self._per_offset, self._slowest = self._real(_PER_METRE), self._real(_SLOWEST)
        self._touch, self._level = self._real(_TOUCH), self._real(_LEVEL)
        self._at_wall, self._scrape = self._real(WALL - 0.05), self._real(_SCRAPE)
        self._half_stride = self._real(ACTION / 2 / SPACING)
        self._along = self._real([[0.0], [0.0], [1.0]])
        # left' = left - forward * turned, forward' = forward + left * turned
        self._swap, self._rotate = self._whole([1, 0]), self._real([[[-1.0]], [[1.0]]])
        self._whole_action = self._real(ACTION * 1000)
        self._next, self._last = self._whole([1, 2, 0]), self._whole([2, 0, 1])
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
            ground=self._surface[:, :1, None].expand(5, 4, count),
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
        inputs = self._inputs.index_select(1, action)
        gear, shifted = self._shift(cars)
        forces, turns, align, steer = self._forces(cars, inputs, shifted)

        # between two actions (4 m at 300 km/h) the road counts as flat: as it is half-way
        stride = (cars.speed * cars.along).sum(0) * self._half_stride
        low, high = self.ends.index_select(1, cars.track).unbind()
        zone = (cars.zone + stride.round().long()).clamp(low, high)
        road = self.road.index_select(1, zone)
        frame, origin = road[:9].view(3, 3, -1), road[9:21].view(4, 3, -1)
        gravity, bend, metres = road[21:24], road[24:26], road[26]
        body = torch.cat((cars.position[None], cars.velocity[None], cars.axes[::2]))  # (4, 3, N)
        place, speed, left, forward = (frame[:, None] * (body - origin)).sum(2).unbind(1)
        car, passed = torch.stack((left, forward)), []
        for turn in turns.unbind():
            place, speed, car = self._tick_on(place, speed, car, gravity, forces, turn, align)
            passed.append(place[2])
        body = torch.cat((place[None], speed[None], car))
        body = (body[:, :, None] * frame).sum(1) + origin

        along = torch.stack(passed) + metres  # (ticks, N)
        # towards the inside of a bend, and above a dip, the zones are closer together
        spread = (1 - (bend * place[:2]).sum(0)).clamp_min(0.2)
        stride = place[2] * self._per_spacing / spread
        zone = (zone + stride.round().long()).clamp(low, high)
        moved = self._posed(
            cars, body, zone, steer=steer, gear=gear, shifted=shifted, history=inputs[:4]
        )
        return moved, self._outcome(cars, moved, along)

    def _shift(self, cars: Cars) -> tuple[Tensor, Tensor]:
        up, down = self._shift_at.index_select(1, cars.gear).unbind()
        speed = cars.speed[2]
        change = (speed > up).long() - (speed < down).long()
        return cars.gear + change, change.abs().float()

    def _forces(self, cars: Cars, inputs: Tensor, shifted: Tensor) -> tuple[Tensor, ...]:
        """What acts during the next action, from speed and ground at its beginning.

        Returns (2, 2, N) what the wheels can take away of the speed, and what they add to it,
        to the left and forward, in m/s per tick; (ticks, N) rad that the steering turns the car;
        (N,) rad per tick and m/s of sliding by which it aligns itself; (N,) the steering at the
        end.
        """
        gas, _, _, _, off, brake, reverse, lock, hold_share, yaw_share = inputs.unbind()
        entry = ((cars.speed[2] + self._slowest) * self._per_speed).long()
        curves = self._curves.index_select(1, entry.clamp_(0, self._curves.shape[1] - 1))
        drive, coast, grip, yaw, yaw_held, align, drag, slow, back = curves.unbind()
        hold, rough = cars.ground[:2].sum(1).unbind()
        # at walking speed the brake becomes the reverse gear
        push = gas * (drive - drive * shifted) - reverse * back
        braking = (brake - (brake * off) * slow) * hold
        scrape = (cars.place[0].abs() - self._at_wall).gt_(self._zero) * self._scrape
        resist = off * coast + braking + rough * drag + scrape * self._tick
        steer = lock.clamp(cars.steer - self._reach, cars.steer + self._reach)
        forces = torch.stack((grip * hold * hold_share, resist, self._zero.expand_as(push), push))
        turns = steer * ((yaw + yaw_held * hold) * yaw_share)
        return forces.view(2, 2, -1), turns, align, steer[-1]

    def _tick_on(
        self,
        place: Tensor,
        speed: Tensor,
        car: Tensor,
        gravity: Tensor,
        forces: Tensor,
        turn: Tensor,
        align: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One tick, in the road's frame: left, up, along.

        (3, N) place in m, (3, N) speed in m/s, (2, 3, N) the car's own left and forward.
        """
        # the corridor: neither through the ground and the walls, nor faster towards them
        inside = place.clamp(self._low, self._high)
        free = (place - inside).mul_(speed).le_(self._zero)
        speed = speed * free

        # the wheels: they act to the car's left and forward, while it touches the ground
        contact = (place[1] - self._touch).le_(self._zero)
        grip, push = (forces * contact).unbind()
        going = (car * speed).sum(1).add_(push)  # (2, N)
        change = push - going.clamp(-grip, grip)
        speed = (car * change[:, None]).sum(0).add_(speed).add_(gravity)
        turned = (align * going[0]).add_(turn).mul_(contact)
        car = car + car.index_select(0, self._swap) * (turned * self._rotate)
        return inside.add_(speed * self._tick), speed, car

    def _posed(
        self, before: Cars, body: Tensor, zone: Tensor, *, history: Tensor, **changed: Tensor
    ) -> Cars:
        """The cars after an action, seen from where they have got to."""
        road = self.road.index_select(1, zone)
        count = zone.shape[0]
        frame, origin = road[:9].view(3, 3, count), road[9:21].view(4, 3, count)
        local = (frame[:, None] * (body - origin)).sum(2)
        place, speed, _, nose = local.unbind(1)
        left, up, along = nose.unbind()

        # on the ground the nose comes down; in the air it stays where it points
        grounded = (place[1] - self._touch).le_(self._zero)
        up = up - up * (grounded * self._level)
        flat = left * left + along * along + self._upright
        long = (flat + up * up).sqrt()
        left, up, along, flat = (torch.stack((left, up, along, flat.sqrt())) / long).unbind()
        side, lean, aside = along / flat, -up / flat, -left / flat
        axes = torch.stack(  # (car's axes, road's axes; N)
            (
                side,
                self._zero.expand_as(up),
                aside,
                left * lean,
                flat,
                along * lean,
                left,
                up,
                along,
            )
        ).view(3, 3, count)
        world = (axes[:, :, None] * frame).sum(1)  # (3, 3, N)
        spin = (world - before.axes).index_select(0, self._next) * world.index_select(0, self._last)
        offset = place[0] + self._wheel[0] * side + self._wheel[1] * left  # (4, N)
        height = place[1] + self._wheel[1] * up
        cell = (offset.abs() * self._per_offset).long().view(-1)
        carried = ((body[1] - before.velocity) * frame[1]).sum(0)
        velocity = body[1]
        return Cars(
            position=body[0],
            velocity=velocity,
            axes=world,
            turning=spin.sum(1) * self._per_action,
            speed=(axes * speed).sum(1),
            along=axes[:, 2],
            place=place,
            ground=self._surface.index_select(1, cell).view(5, 4, count),
            contact=(height - self._touch).le_(self._zero),
            load=(carried * self._per_load + frame[1, 1]) * grounded,
            shifts=before.shifts + changed["shifted"],
            history=torch.cat((before.history[4:], history)),
            track=before.track,
            passed=road[26] + place[2],
            zone=zone,
            furthest=torch.maximum(zone, before.furthest),
            idle=(before.idle + 1) * (zone <= before.furthest),
            actions=before.actions + 1,
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
        elapsed = torch.where(finished, shares.sum(0) * (TICK * 1000), whole)
        return Outcome(elapsed, progress, finished)


def _bends(track: Track) -> np.ndarray:
    """(zones, 2) 1/m: curvature of the road to its left, and upwards."""
    turn = np.gradient(track.frames[:, 2], axis=0) / SPACING
    return np.stack([(turn * track.frames[:, side]).sum(1) for side in (0, 1)], axis=1)


def _inputs() -> np.ndarray:
    """(10, actions): the four inputs; what else the car makes of them, speeds in m/s per tick."""
    gas, brake, left, right = np.array(ACTIONS).T
    drift = _DRIFT * brake * (left + right)
    more = [
        1 - gas,  # engine off
        _BRAKE * TICK * brake,
        _REVERSE * TICK * brake * (1 - gas),
        left - right,
        1 - drift,  # grip that is left
        1 + drift,  # turning
    ]
    return np.stack([gas, brake, left, right, *more])


def _curves() -> np.ndarray:
    """(9, speeds): what depends on the speed ahead, per tick."""
    speed = np.arange(-_SLOWEST, _FASTEST, 1 / _PER_SPEED)
    pace = np.abs(speed)
    drive, coast, grip = (
        np.interp(pace, np.array(speeds) * KMH, values) * TICK
        for speeds, values in (DRIVE, COAST, GRIP)
    )
    yaw = np.minimum(pace / _TIGHTEST * TICK, _OVERSTEER * grip / np.maximum(pace, 1))
    yaw *= np.sign(speed)
    curves = [
        drive,  # m/s
        coast,  # m/s
        grip,  # m/s
        yaw * 0.3,  # rad at full lock
        yaw * 0.7,  # rad at full lock, where there is grip
        _ALIGN * TICK / np.maximum(pace, 5.0) * np.sign(speed),  # rad per m/s of sliding
        (_ROUGH[0] + _ROUGH[1] * pace) * TICK,  # m/s per roughness
        speed < 0.5,  # 1 where the brake becomes the reverse gear
        (speed < 0.5) & (speed > -_REVERSE_SPEED),  # and where that pushes
    ]
    return np.stack(curves)


def _surface() -> np.ndarray:
    """(5, cells): the ground at a distance from the centre line, as in `Cars.ground`."""
    beside = (np.arange((WALL + 5) * _PER_METRE) + 0.5) / _PER_METRE
    asphalt, grass = beside <= ROAD, beside > DIRT
    dirt = ~asphalt & ~grass
    hold = asphalt + _DIRT_HOLD * dirt + _GRASS_HOLD * grass
    rough = _DIRT_ROUGH * dirt + _GRASS_ROUGH * grass
    return np.stack([hold / 4, rough / 4, asphalt, grass, dirt])
