"""The view from behind the car, drawn row by row from the centre line.

Seen from the car, the road ahead is a line of points with a height and a distance. A row of the
picture is a plane of rays with one slope, so it meets this line at one distance: the first point
that is not below the plane, which is what hides the road behind a crest. There the row's rays are
spread across the road, and each pixel looks up what lies that far from the centre line. Only the
car's own stretch of road is ever drawn: no other deck of a crossing can get into the picture.

This is exact perspective for the centre line, and for all of a road that is as level across as
the car. A road that turns back on itself is drawn as far as it leads away from the car.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tmnet.racing.simulator import Cars, Simulator
from tmnet.racing.track import DIRT, ROAD, WALL

HEIGHT, BACK = 3.0, 6.0  # m: the eye, from the car
PITCH = np.radians(12.0)  # downwards
FIELD = np.radians(90.0)  # from the left to the right of the picture

_AHEAD = np.unique(np.round(np.concatenate([np.arange(-8, 16, 2), np.geomspace(16, 400, 28)]) * 2))
_STRIPE = 8.0  # m: ground beside the road, and dashes, alternate
_LINE = 0.4  # m: white lines along the road
_FINISH = 6.0  # m of chequered road
_BEYOND = 600.0  # m: no ground is seen farther away
_IN_SIGHT = 256.0  # m along the road: the finish may be so far to the side of a row's middle
_PIXELS = 2**17  # at once and per thread: more do not fit into the processor's cache
_BINS, _BIN = 640, 0.03125  # of the distance from the centre line, m
_LEVELS = 10  # of blur: pixels are 1/64, 1/32 .. 8 m wide
_FINEST = 1 / 64
_LIGHT, _DARK, _GOAL = range(3)  # palettes; with sky outside: _ABOVE more
_ABOVE, _SKY = 3, 6

# grey, and (red, green, blue)
_COLOURS = {
    "asphalt": (96, (98, 98, 104)),
    "dash": (140, (150, 150, 150)),
    "line": (225, (230, 230, 225)),
    "dirt": (150, (176, 140, 98)),
    "grass": (58, (74, 130, 62)),
    "grass dark": (34, (60, 110, 52)),
    "wall": (200, (200, 70, 50)),
    "outside": (20, (40, 60, 40)),
    "sky": (245, (170, 205, 240)),
}


class Camera:
    """Pictures of N cars' views.

    Parameters
    ----------
    simulator : Simulator
    height, width : int
        px
    colour : bool
        (3 channels) or grey (1 channel)
    """

    def __init__(self, simulator: Simulator, height: int, width: int, colour: bool = False):
        self.simulator = simulator
        device = simulator.device

        def real(values) -> Tensor:
            return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=device)

        self.shape = (3 if colour else 1, height, width)
        self.focal = width / 2 / np.tan(FIELD / 2)  # px
        down = (np.arange(height) + 0.5 - height / 2) / self.focal
        ahead = np.cos(PITCH) - down * np.sin(PITCH)
        self._slope = real((down * np.cos(PITCH) + np.sin(PITCH)) / ahead)  # (H,) m down per m
        self._spread = real(1 / ahead)  # (H,)
        # (W,) m to the left per m of depth: the car's x axis points to the left
        self._left = real(-(np.arange(width) + 0.5 - width / 2) / self.focal)
        self._offsets = torch.as_tensor(
            np.stack([_AHEAD, -_AHEAD]), dtype=torch.int64, device=device
        )
        # m of depth (by spread) from which on a pixel is nearer to 2, 4 .. times the finest
        self._reaches = real(self.focal * _FINEST * 2.0 ** (np.arange(_LEVELS - 1) + 0.5))
        self._eye = real([[0.0], [HEIGHT], [-BACK]])[:, :, None]
        # (9, zones): points, the road's left, by so much times the square of the distance a road
        # leaves its tangent, m behind the middle of the finish, m from where a light stripe begins
        metres = simulator.line[7].cpu().numpy().astype(np.float64)
        ends = [track.length + _FINISH / 2 for track in simulator.tracks]
        finishes = np.repeat(ends, [len(track.zones) for track in simulator.tracks])
        marks = real(np.stack((metres - finishes, metres % (2 * _STRIPE))))
        self._line = torch.cat((simulator.line[:6], -0.5 * simulator.line[6:7], marks))
        self._rising = (-self._slope)[None]  # (N, H)
        level = np.minimum(-self._slope.cpu().numpy(), -1e-6)
        self._level = real(level)  # (H,) m up per m, of rows below the horizon
        self._above = real(np.where(level < -1e-6, 0, _ABOVE * _LEVELS))  # (H,)
        # in bins from the centre line, and in pairs of stripes along the road
        units = [*[1 / _BIN] * 3, _BINS, *[0.5 / _STRIPE] * 2, -0.5 / _STRIPE]
        self._units = real(units)[:, None, None]
        self._half_finish = real(_FINISH / 4 / _STRIPE)
        # tensors, because an operation with a Python number takes twice as long
        self._zero, self._one, self._near, self._beyond = real([0.0, 1.0, 0.5, _BEYOND])
        self._hidden, self._last = real([-10.0, _BINS - 1])
        self._dark, self._goal, self._sky = real([_DARK, _GOAL, _SKY]) * _LEVELS
        self._dark, self._goal = self._dark * _BINS, self._goal * _BINS
        self._none = torch.tensor(len(_AHEAD), device=device)
        self._second = torch.tensor(1, device=device)
        self._palettes = torch.as_tensor(_palettes(colour), device=device)

    def pictures(self, cars: Cars) -> Tensor:
        """What N cars' cameras see, (N, channels, H, W) uint8."""
        rows, at_once = self._rows(cars).unsqueeze(3), len(cars.zone)
        if rows.device.type == "cpu":
            _, height, width = self.shape
            at_once = max(1, _PIXELS * torch.get_num_threads() // (height * width))
        parts = [self._drawn(part) for part in rows.split(at_once, 1)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _drawn(self, rows: Tensor) -> Tensor:
        """(n, channels, H, W) uint8 from what `_rows` gives, (7, n, H, 1)."""
        start, slope, bend, palette, light, finish, stretch = rows.unbind()
        cell = (bend * self._left).add_(slope).mul_(self._left).add_(start).abs_()
        cell.clamp_max_(self._last).add_(palette)
        aside = stretch * self._left
        goals = None
        if finish.abs().amin().item() < _IN_SIGHT / _STRIPE / 2:
            near = finish.abs().amin((1, 2)) < _IN_SIGHT / _STRIPE / 2
            chequered = (aside[near] + finish[near]).abs_() <= self._half_finish
            goals = cell[near] + self._goal
        aside.add_(light)
        cell.add_(aside.sub_(aside.floor()).round_().mul_(self._dark))
        if goals is not None:
            cell[near] = torch.where(chequered, goals, cell[near])
        (channels, height, width), cell = self.shape, cell.int().view(-1)
        if channels == 1:
            return self._palettes.index_select(0, cell).view(-1, 1, height, width)
        shape = (-1, height, width)
        return torch.stack([row.index_select(0, cell).view(shape) for row in self._palettes], 1)

    def _road(self, cars: Cars) -> Tensor:
        """The line ahead, (9, N, J): m to the left, up, and forward of the eye; the road's own
        left as (left, up, forward); the rest as in `_line`."""
        simulator, count = self.simulator, len(cars.zone)
        # who faces backwards sees the road behind
        facing = (cars.along[2] < self._zero).long()
        low, high = simulator.ends.index_select(1, cars.track).unsqueeze(2).unbind()
        zones = self._offsets.index_select(0, facing).add_(cars.zone.unsqueeze(1))
        zones = zones.clamp_(low, high).view(-1)
        seen = self._line.index_select(1, zones).view(9, count, -1)
        seen[:3].sub_(cars.position.unsqueeze(2))
        both = seen[:6].view(2, 1, 3, count, -1)
        local = (cars.axes.unsqueeze(3) * both).sum(2)  # (2, 3, N, J)
        local[0].sub_(self._eye)
        return torch.cat((local.view(6, count, -1), seen[6:]))

    def _rows(self, cars: Cars) -> Tensor:
        """(7, N, H) for each row of the picture.

        start, slope, bend: what lies `l` m to the left per m of depth is, in bins, start +
        slope * l + bend * l² from the centre line. palette: where its colours begin. light,
        finish, stretch: it is light + stretch * l pairs of stripes from where a light one begins,
        finish + stretch * l from the middle of the finish.
        """
        line = self._road(cars)
        count = line.shape[1]
        # how steeply one looks down at each point; the least so far hides what is lower;
        # a line that has turned back is not followed: it may lead to a deck above this one
        depth = line[2]
        hidden = (depth < depth.cummax(1).values).cummax(1).values | (depth < self._near)
        most, nearest = torch.where(hidden, self._hidden, line[1] / depth).cummax(1)
        if len(self._rising) != count:
            self._rising = (-self._slope).expand(count, -1).contiguous()
        hit = torch.searchsorted(most, self._rising)  # (N, H) the first point that the row meets
        # rows that meet no point: level ground from the highest point in view on
        unmet = hit == self._none
        end = torch.where(unmet, nearest[:, -1:], hit.clamp_min_(self._second))
        begin = torch.where(unmet, end, end - self._second)
        ends = torch.cat((begin, end), 1).expand(9, count, -1)
        ends = line.gather(2, ends).view(9, count, 2, -1)
        below, above = (self._slope * ends[2]).add_(ends[1]).unbind(1)
        share = (below / (below - above)).nan_to_num_(0.0).clamp_(self._zero, self._one)
        first, last = ends.unbind(2)
        steps = (last - first).mul_(share)
        left, up, depth, cosine, _, sine, bent, finish, _ = (first + steps).unbind()
        seen = torch.where(unmet, up / self._level, depth)
        sky = unmet & ((seen > self._beyond) | (seen < depth))

        # a pixel lies so far to the road's left of the point, and so far along it; over there the
        # road itself has moved by half the curvature times the square of that
        reach = seen * self._spread
        beyond = seen - depth
        start, slope = beyond * sine - left * cosine, reach * cosine
        along, stretch = beyond * cosine + left * sine, reach * sine  # along - stretch * l
        bend = bent * stretch
        start.add_((bent * along).mul_(along))
        slope.sub_((along + along).mul_(bend))
        bend.mul_(stretch)
        level = torch.bucketize(reach, self._reaches)
        beside = left * sine
        light, finish = (first[8] + steps[7]).add_(beside), finish + beside
        stretch.masked_fill_(unmet, 0.0)
        # above the horizon there is nothing but the road
        palette = torch.where(sky, self._sky, self._above).add_(level)
        return torch.stack((start, slope, bend, palette, light, finish, stretch)).mul_(self._units)


def _palettes(colour: bool) -> np.ndarray:
    """What lies at a distance from the centre line, by palette, blur and bin; uint8.

    (palettes * levels * bins) grey, or (3, ...) in colour.
    """
    edges = {  # m from the centre line at which it begins
        "dash": 0.0,
        "asphalt": _LINE / 2,
        "line": ROAD - _LINE,
        "dirt": ROAD,
        "grass": DIRT,
        "wall": WALL,
        "outside": WALL + 1.5,
    }
    begins = np.array(list(edges.values()))
    fine = np.arange(-_BINS, 2 * _BINS) * _BIN + _BIN / 2  # both sides of the line, for the blur
    kind = np.searchsorted(begins, np.abs(fine), side="right") - 1
    tables = []
    for palette in range(_SKY + _ABOVE):
        names = list(edges)
        if palette % _ABOVE == _DARK:
            names[0], names[4] = "asphalt", "grass dark"
        if palette >= _ABOVE:
            names[-1] = "sky"
        if palette >= _SKY:
            names = ["sky"] * len(names)
        values = np.array([np.append(_COLOURS[name][0], _COLOURS[name][1]) for name in names])
        values = values[kind].astype(float)  # (fine, 4)
        if palette in (_GOAL, _ABOVE + _GOAL):
            chequers = np.floor(np.abs(fine) / 1.5) % 2 * 235 + 10
            values = np.where((np.abs(fine) < ROAD)[:, None], chequers[:, None], values)
        tables.append(values)
    total = np.cumsum(np.array(tables), axis=1)  # (palettes, fine, 4)
    levels = []
    for level in range(_LEVELS):  # a box as wide as the pixel
        half = max(0, round(_FINEST * 2**level / _BIN / 2))
        middle = np.arange(_BINS) + _BINS
        mean = (total[:, middle + half] - total[:, middle - half - 1]) / (2 * half + 1)
        levels.append(mean)
    table = np.stack(levels, axis=1)  # (palettes, levels, bins, 4)
    blurred = round(np.log2(_STRIPE / 4 / _FINEST))  # light and dark are one from here on
    for light in (_LIGHT, _ABOVE + _LIGHT):
        table[light : light + 2, blurred:] = table[light : light + 2, blurred:].mean(axis=0)
    flat = np.round(table).astype(np.uint8).reshape(-1, 4).T
    return np.ascontiguousarray(flat[1:] if colour else flat[0])
