"""Tracks: a centre line, cut into zones of half a metre, and the road that follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from tmnet.arguments import a_number, a_path, a_text, wrong
from tmnet.errors import TmnetError
from tmnet.files import data_path

SPACING = 0.5  # m between zones
BEFORE, AFTER = 20, 1000  # zones added before the start and after the finish
ROAD, DIRT, WALL = 9.0, 11.0, 15.0  # m to each side: end of asphalt, of dirt, of grass
CEILING = 42.0  # m: with WALL, nothing in the corridor is 45 m away from its zone

_SMOOTH = 10.0  # points: takes the corners off lines that follow the game's blocks
_STEEPEST = 80.0  # degrees

# turbo pads, m
_PAD, _FIRST, _APART = 24.0, 40.0, 100.0  # length; after the start; between two beginnings
_BEND, _FREE = 150.0, 60.0  # radius of a bend, and what is to go to the next one
_WOBBLE = 20.0  # recorded lines go from side to side: bends are those of a smoothed one


@dataclass(frozen=True, eq=False)
class Track:
    """A track.

    Attributes
    ----------
    name : str
    zones : numpy.ndarray
        (zones, 3) float64, m: points of the centre line every 0.5 m, y upwards. Zone 20 is the
        start; 1000 zones follow the finish.
    frames : numpy.ndarray
        (zones, 3, 3): the road's directions to the left, up, and along it, at each zone.
    length : float
        m from the start to the finish.
    turbo : numpy.ndarray
        (zones,) bool: where a turbo pad lies across the asphalt.

    Notes
    -----
    Coordinates are right-handed, as the game's: whoever looks along +z sees +x to the left.
    """

    name: str
    zones: np.ndarray
    frames: np.ndarray
    length: float
    turbo: np.ndarray

    @classmethod
    def from_points(cls, points: np.ndarray, name: str = "track") -> Track:
        """Make a track along a centre line.

        The line is smoothed (Gaussian, 5 m), and goes on straight at both ends.

        Parameters
        ----------
        points : numpy.ndarray
            (points, 3), m, about 0.5 m apart, y upwards; from the start to the finish.

        Raises
        ------
        TmnetError
            If this is no centre line, with the place where it fails.
        """
        points = _checked(points, a_text("name", name))
        margin = 8 * int(_SMOOTH)  # the smoothing sees straight lines beyond both ends
        steps = np.arange(1, AFTER + margin + 1)[:, None] * SPACING
        first, last = (_direction(points[:10]), _direction(points[-10:]))
        extended = np.concatenate(
            [
                points[0] - first * steps[: BEFORE + margin][::-1],
                points,
                points[-1] + last * steps,
            ]
        )
        smooth = gaussian_filter1d(extended, _SMOOTH, axis=0)
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))])
        start, finish = along[BEFORE + margin], along[BEFORE + margin + len(points) - 1]
        zones = int((finish - start) // SPACING) + 1 + BEFORE + AFTER
        places = start + (np.arange(zones) - BEFORE) * SPACING
        line = np.stack([np.interp(places, along, axis) for axis in smooth.T], axis=1)
        none = np.zeros(zones, bool)
        return cls(name, line, _frames(line, name), float(finish - start), none)

    @classmethod
    def from_npy(cls, path: str | Path) -> Track:
        """Load a centre line in the community's format: a `.npy` file of (points, 3), at 0.5 m.

        Raises
        ------
        TmnetError
            If the file cannot be read, or holds no centre line.
        """
        path = a_path("path", path)
        try:
            with open(path, "rb") as file:
                if file.read(2) == b"PK":
                    raise TmnetError(f"{path} is an archive; a centre line is one .npy array.")
                file.seek(0)
                points = np.lib.format.read_array(file, allow_pickle=False)
        except OSError as error:
            raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
        except TmnetError:
            raise
        except Exception:  # a damaged header can fail in any way; nothing of the file is run
            raise TmnetError(
                f"{path} is no whole .npy file of numbers; a centre line is one, "
                f"of shape (points, 3)."
            ) from None
        return cls.from_points(points, path.stem).with_turbo()

    def with_turbo(self) -> Track:
        """The track with turbo pads across its road.

        A centre line does not say where a map has its own. So one lies 40 m after the start, and
        one after each bend of less than 150 m radius: at the first place that is 100 m after the
        pad before, with 60 m to go to the next bend.
        """
        line = gaussian_filter1d(self.frames[:, 2], _WOBBLE / SPACING, axis=0)
        bend = (np.gradient(line, SPACING, axis=0) * self.frames[:, 0]).sum(axis=1)  # 1/m
        bends = np.abs(bend) > 1 / _BEND
        free = ~np.convolve(bends, np.ones(_zones(_FREE)))[_zones(_FREE) - 1 :].astype(bool)
        turbo, last = np.zeros(len(bends), bool), -_zones(_APART)
        finish = BEFORE + _zones(self.length)
        for zone in (BEFORE + _zones(_FIRST), *np.flatnonzero(bends[:-1] & ~bends[1:]) + 1):
            begin = max(zone, last + _zones(_APART))
            begin += int(free[begin:].argmax())
            if last < zone < finish and begin < finish:
                turbo[begin : begin + _zones(_PAD)] = True
                last = begin
        return replace(self, turbo=turbo)

    def first(self, metres: float) -> Track:
        """The track up to a finish so many metres after the start, or all of it if it is shorter.

        Behind that finish it goes on straight.
        """
        zones = BEFORE + round(a_number("metres", metres, least=1) / SPACING)
        if zones >= BEFORE + self.length / SPACING:
            return self
        ahead = np.arange(1, AFTER + 1)[:, None] * SPACING
        beyond = self.zones[zones] + self.frames[zones, 2] * ahead
        line = np.concatenate([self.zones[: zones + 1], beyond])
        turbo = np.concatenate([self.turbo[: zones + 1], np.zeros(AFTER, bool)])
        length = (zones - BEFORE) * SPACING
        return Track(self.name, line, _frames(line, self.name), length, turbo)


@cache
def own_tracks() -> tuple[str, ...]:
    """Names of the tracks that come with tmnet."""
    return tuple(sorted(path.stem for path in data_path("tracks").glob("*.npy")))


def load_track(track: str | Path | Track) -> Track:
    """One of tmnet's tracks by name, or any centre line by its path.

    Raises
    ------
    TmnetError
        If there is none; the names are listed.
    """
    if isinstance(track, Track):
        return track
    a_path("track", track)
    if str(track) in own_tracks():
        return _own_track(str(track))
    if Path(track).suffix == ".npy":
        return Track.from_npy(track)
    raise TmnetError(
        f"There is no track {str(track)!r}: choose {' or '.join(own_tracks())}, "
        f"or give the path of a .npy centre line."
    )


@cache
def _own_track(name: str) -> Track:
    return Track.from_npy(data_path("tracks", f"{name}.npy"))


def _checked(points: np.ndarray, name: str) -> np.ndarray:
    try:
        points = np.asarray(points)
    except ValueError:  # lists of different lengths
        raise wrong(f"The centre line {name}", points, "numbers of shape (points, 3)") from None
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "fiu":
        raise TmnetError(
            f"The centre line {name} has shape {points.shape} of {points.dtype}; "
            f"it takes numbers of shape (points, 3)."
        )
    if len(points) < 10:
        raise TmnetError(f"The centre line {name} has {len(points)} points; it takes at least 10.")
    points = points.astype(np.float64)
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise TmnetError(f"The centre line {name} is not finite at point {finite.argmin()}.")
    gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    if not gaps.all():
        where = int(gaps.argmin())
        raise TmnetError(f"The centre line {name} repeats a point: {where} and {where + 1}.")
    if not 0.3 <= np.median(gaps) <= 0.7 or gaps.max() > 5:
        raise TmnetError(
            f"The points of the centre line {name} are {np.median(gaps):.3g} m apart "
            f"(at most {gaps.max():.3g} m); they should be about 0.5 m apart."
        )
    return points


def _zones(metres: float) -> int:
    return round(metres / SPACING)


def _direction(points: np.ndarray) -> np.ndarray:
    chord = points[-1] - points[0]
    return chord / np.linalg.norm(chord)


def _frames(line: np.ndarray, name: str) -> np.ndarray:
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    steep = np.abs(along[:, 1]) > np.sin(np.radians(_STEEPEST))
    if steep.any():
        raise TmnetError(
            f"The centre line {name} is steeper than {_STEEPEST:.0f} degrees "
            f"{max(0, steep.argmax() - BEFORE) * SPACING:.0f} m after the start; "
            f"such a road cannot be driven here."
        )
    left = np.cross([0.0, 1.0, 0.0], along)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    return np.stack([left, np.cross(along, left), along], axis=1)
