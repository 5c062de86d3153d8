"""A pinhole camera in float64: what the pictures of roads should show."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from tmnet.racing.camera import _COLOURS, BACK, FIELD, HEIGHT, PITCH, Camera

GREY = {name: grey for name, (grey, _) in _COLOURS.items()}
# m from the centre line, and what ends there
ENDS = {
    0.2: "dash",
    8.6: "asphalt",
    9.0: "line",
    11.0: "dirt",
    15.0: "grass",
    16.5: "wall",
    np.inf: "outside",
}
FINE = 16  # samples a pixel


def facing(yaw=0.0, slope=0.0):
    """A car's left, up and forward: turned to the left from +z, then uphill; radians."""
    forward = np.array([np.sin(yaw) * np.cos(slope), np.sin(slope), np.cos(yaw) * np.cos(slope)])
    left = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    return np.stack([left, np.cross(forward, left), forward])


@dataclass
class View:
    """Where a car is, (3,), its axes (3, 3), and the size of the picture."""

    position: np.ndarray
    axes: np.ndarray
    height: int
    width: int

    @property
    def focal(self):
        return self.width / 2 / np.tan(FIELD / 2)

    @property
    def eye(self):
        return self.position + HEIGHT * self.axes[1] - BACK * self.axes[2]

    def camera(self):
        """The picture's right, its down, and where the camera looks."""
        left, up, forward = self.axes
        return (
            -left,
            -np.cos(PITCH) * up - np.sin(PITCH) * forward,
            np.cos(PITCH) * forward - np.sin(PITCH) * up,
        )

    def rays(self, row, column):
        """(..., 3) through places of the picture, in px from its upper left corner."""
        right, down, ahead = self.camera()
        x, y = np.broadcast_arrays(
            (column - self.width / 2) / self.focal, (row - self.height / 2) / self.focal
        )
        return ahead + x[..., None] * right + y[..., None] * down

    def project(self, points):
        """Row, column and depth of points (..., 3)."""
        x, y, depth = np.moveaxis((points - self.eye) @ np.stack(self.camera()).T, -1, 0)
        return (
            self.height / 2 + self.focal * y / depth,
            self.width / 2 + self.focal * x / depth,
            depth,
        )

    def cars(self, simulator, track=0):
        return standing_at(simulator, [self.position], [self.axes], [track])

    def picture(self, simulator, **changes):
        camera = Camera(simulator, self.height, self.width, **changes)
        return camera.pictures(self.cars(simulator))[0, 0].numpy()


def standing_at(simulator, positions, axes, tracks, zones=None):
    """Cars at places, in the zone that is nearest."""
    cars = simulator.standing(torch.tensor(tracks))
    if zones is None:
        zones = [
            int(simulator.start[track]) - 20 + np.argmin(np.sum((line - position) ** 2, axis=1))
            for position, track in zip(positions, tracks)
            for line in [simulator.tracks[track].zones]
        ]
    zones = torch.tensor(np.array(zones))
    axes = np.array(axes)
    road = simulator.road[6:9, zones].T.numpy()
    return replace(
        cars,
        zone=zones,
        along=torch.tensor(np.einsum("nij,nj->in", axes, road), dtype=torch.float32),
        position=torch.tensor(np.array(positions).T, dtype=torch.float32),
        axes=torch.tensor(np.moveaxis(axes, 0, -1), dtype=torch.float32),
    )


def ground(distance, dark, goal=False):
    """Grey at a distance from the centre line."""
    names = list(ENDS.values())
    grey = np.array([GREY[name] for name in names], float)
    shaded = grey.copy()
    shaded[0], shaded[4] = GREY["asphalt"], GREY["grass dark"]
    kind = np.searchsorted(np.array(list(ENDS)[:-1]), distance, side="right")
    colour = np.where(dark, shaded[kind], grey[kind])
    chequers = np.where(np.floor(distance / 1.5) % 2 == 1, 245.0, 10.0)
    return np.where(goal & (distance < 9), chequers, colour)


def level_hits(view, row, column):
    """Where rays meet the ground y = 0: x, z, and depth; NaN in the sky."""
    rays = view.rays(row, column)
    down = np.where(rays[..., 1] < 0, -rays[..., 1], np.nan)
    points = view.eye + rays * (view.eye[1] / down)[..., None]
    return points[..., 0], points[..., 2], view.project(points)[2]


def shifts(picture, view, hits, lay, reach=60.0, walls=np.inf):
    """How far the edges in each row of a picture are to the right of where they should be, px.

    On both sides of the centre line, (rows, 2), NaN where no edge is in sight: the shift at which
    the row differs least from samples of the pinhole's, averaged over the width of a pixel.

    Parameters
    ----------
    hits : callable
        As `level_hits`.
    lay : callable
        (x, z) -> distance from the centre line.
    reach : float
        m: rows whose ground is farther from the car are left out.
    walls : float
        m from the centre line: what is farther away is left out.
    """
    most, margin = 2, 3  # px
    rows = np.arange(view.height)[:, None] + 0.5
    columns = (np.arange((view.width + 2 * margin) * FINE)[None] + 0.5) / FINE - margin
    x, z, depth = hits(view, rows, columns)
    distance = np.abs(lay(x, z))
    stripes = [
        np.cumsum(np.pad(ground(distance, dark), ((0, 0), (1, 0))), axis=1)
        for dark in (False, True)
    ]
    expected = [(total[:, FINE:] - total[:, :-FINE]) / FINE for total in stripes]
    steps = np.arange(-most * FINE, most * FINE + 1)
    places = (np.arange(view.width) + margin) * FINE - steps[:, None]  # (steps, W)
    pixels = distance.reshape(view.height, -1, FINE)
    clear = (pixels > 1).all(axis=2) & (pixels < walls).all(axis=2)
    found = np.full((view.height, 2), np.nan)
    for row in np.flatnonzero(np.nan_to_num(depth[:, 0], nan=np.inf) < reach + BACK):
        # of the stripe that fits
        error = np.min([np.abs(grey[row, places] - picture[row]) for grey in expected], axis=0)
        middle = np.argmin(distance[row]) // FINE - margin
        inside = np.all([clear[row, margin + k :][: view.width] for k in (-3, 0, 3)], axis=0)
        sides = np.arange(view.width) < middle, np.arange(view.width) > middle
        for number, side in enumerate(sides):
            some = side & inside
            if some.any() and np.ptp(expected[0][row, places[len(steps) // 2]][some]) > 60:
                loss = np.sum(error[:, some] ** 2, axis=1)
                best = np.flatnonzero(loss < loss.min() + 1e-6)
                found[row, number] = np.abs(steps[best]).min() / FINE
    return found


def straight(length, altitude=None):
    """Along +z from the origin; `altitude(z)`."""
    z = np.arange(0, length + 0.25, 0.5)
    return np.stack([0 * z, 0 * z if altitude is None else altitude(z), z], axis=1)


def bend(radius, side, before=100.0, degrees=170):
    """Straight on, then an arc; side 1 to the left (+x), -1 to the right."""
    turn = np.arange(0.5 / radius, np.radians(degrees), 0.5 / radius)
    x, z = side * radius * (1 - np.cos(turn)), before + radius * np.sin(turn)
    return np.concatenate([straight(before), np.stack([x, 0 * x, z], axis=1)])


def beside_bend(radius, side, before=100.0):
    """(x, z) -> distance from its centre line, which the smoothing (5 m) has moved inwards."""
    smooth = radius * np.exp(-(5**2) / (2 * radius**2))
    return lambda x, z: np.where(
        z < before, x * side, smooth - np.hypot(x * side - radius, z - before)
    )


def across(x, z):
    """Distance from the centre line of a straight."""
    return x


SIZES = [(32, 32), (64, 64), (128, 128), (256, 256), (96, 160), (160, 96)]


def worst(found, rows=4):
    """The largest shift, of at least so many rows on each side."""
    assert (np.isfinite(found).sum(axis=0) >= rows).all()
    return np.nanmax(found)
