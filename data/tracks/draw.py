"""Draw the two race tracks of tmnet, `A01.npy` and `Hock.npy`, from the tables below.

    python data/tracks/draw.py [DIRECTORY]

writes them into DIRECTORY, or else next to this script. `README.md` says what they are.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

# A plan is a list of straights (length) and corners (length, radius), in metres. Left and right
# are those of a map with x to the right and z up the page; a heading of 0 degrees points along x
# and grows to the left.
#
# Altitudes are knots (distance along the plan, altitude), with an even slope between two of them.
#
# In the tables, curvature and slope change at once. A bell (its standard deviation, in metres)
# spreads each change over the road nearby: a corner gets a way in and a way out, and where two
# slopes meet there is a crest or a dip.

STRAIGHT, LEFT, RIGHT = "straight", "left", "right"
SIDES = {STRAIGHT: 0, LEFT: 1, RIGHT: -1}

SPACING = 0.5  # metres between two points of a track
FINE = 0.1  # and between two points while drawing
PLAN_BELL = 6.0
DIGITS = 5  # of a metre: the files shall not depend on the last bits of a sine

# A01 is fast and open. Gentle bends on a plateau and down its side; in the plain, a long left, a
# short left and a long right, the only corners to slow down for; then a steep climb over a crest.
A01_HEADING = 0
A01_PLAN = [
    (STRAIGHT, 56), (LEFT, 156, 739), (STRAIGHT, 39), (RIGHT, 98, 196), (STRAIGHT, 165),
    (LEFT, 97, 241), (STRAIGHT, 70), (RIGHT, 79, 431), (STRAIGHT, 32), (LEFT, 169, 97),
    (STRAIGHT, 112), (RIGHT, 96, 207), (STRAIGHT, 20), (LEFT, 52, 41), (STRAIGHT, 48),
    (RIGHT, 84, 172), (STRAIGHT, 60), (RIGHT, 146, 113), (STRAIGHT, 46), (LEFT, 74, 182),
    (STRAIGHT, 83), (RIGHT, 103, 693), (STRAIGHT, 94), (LEFT, 77, 453), (STRAIGHT, 135),
]  # fmt: skip
A01_ALTITUDE = [
    (0, 90), (55, 90), (75, 88), (338, 88), (362, 81), (474, 34), (510, 26), (535, 24), (1540, 24),
    (1565, 32), (1690, 95), (1735, 114), (1775, 122), (1815, 125), (1840, 123), (1885, 113),
    (1905, 112), (2070, 112), (2110, 114), (2181, 114),
]  # fmt: skip
A01_BELL = 15.0

# Hock is a knot: it crosses itself 17 times, and climbs to pass over itself. Where two stretches
# pass each other, one is at least 7 m above the other as soon as they come within 32 m in plan,
# which leaves both of them a corridor of 16 m to each side. A search found the corners and which
# stretch goes over which. Changing the length of one piece moves every crossing after it, so look
# at the test of the tracks after any change.
HOCK_HEADING = -170
HOCK_PLAN = [
    (STRAIGHT, 75), (LEFT, 54, 25), (STRAIGHT, 44), (RIGHT, 72, 41), (STRAIGHT, 54),
    (RIGHT, 35, 36), (STRAIGHT, 22), (RIGHT, 44, 60), (STRAIGHT, 7), (LEFT, 159, 69),
    (STRAIGHT, 13), (LEFT, 32, 34), (STRAIGHT, 12), (LEFT, 59, 29), (STRAIGHT, 232),
    (LEFT, 100, 84), (STRAIGHT, 36), (LEFT, 161, 78), (STRAIGHT, 12), (RIGHT, 56, 245),
    (STRAIGHT, 76), (LEFT, 98, 66), (STRAIGHT, 112), (LEFT, 28, 43), (STRAIGHT, 13),
    (LEFT, 306, 117), (STRAIGHT, 62), (LEFT, 29, 76), (STRAIGHT, 31), (RIGHT, 49, 64),
    (STRAIGHT, 50), (LEFT, 88, 43), (STRAIGHT, 35), (RIGHT, 30, 26), (STRAIGHT, 5), (RIGHT, 82, 38),
    (STRAIGHT, 7), (RIGHT, 83, 43), (STRAIGHT, 78), (RIGHT, 32, 37), (STRAIGHT, 24), (LEFT, 44, 36),
    (STRAIGHT, 67), (LEFT, 30, 27), (STRAIGHT, 96), (LEFT, 131, 50), (STRAIGHT, 10), (LEFT, 52, 34),
    (STRAIGHT, 15), (LEFT, 31, 39), (STRAIGHT, 26), (LEFT, 138, 144), (STRAIGHT, 12),
    (LEFT, 89, 54), (STRAIGHT, 157), (LEFT, 50, 66), (STRAIGHT, 26), (LEFT, 29, 37),
    (STRAIGHT, 150), (LEFT, 36, 41), (STRAIGHT, 220),
]  # fmt: skip
HOCK_ALTITUDE = [
    (0, 9.5), (480, 9.5), (680, 35), (870, 9.5), (1090, 9.5), (1200, 34), (1340, 34), (1450, 9.5),
    (1600, 9.5), (1815, 37), (1970, 18), (2010, 23), (2110, 9.5), (2380, 9.5), (2490, 32),
    (2560, 32), (2670, 9.5), (3030, 9.5), (3180, 29), (3250, 19.5), (3350, 19.5), (3430, 9),
    (3530, 9), (3660, 36), (3790, 36), (3910, 9.5), (4006, 9.5),
]  # fmt: skip
HOCK_BELL = 12.0

TRACKS = {
    "A01": (A01_HEADING, A01_PLAN, A01_ALTITUDE, A01_BELL),
    "Hock": (HOCK_HEADING, HOCK_PLAN, HOCK_ALTITUDE, HOCK_BELL),
}


def draw(heading, plan, altitude, bell):
    """The centre line as an array (points, 3): x, altitude, z, from the start to the finish."""
    lengths = np.array([length for _, length, *_ in plan], float)
    turned = [SIDES[side] * length / radius[0] if radius else 0 for side, length, *radius in plan]

    # Headings, then x and z: a step goes where the road points at the middle of the step.
    steps = round(lengths.sum() / FINE)
    along = np.arange(steps + 1) * FINE
    turns = np.diff(np.interp(along, ends(lengths), ends(turned)))
    turns = gaussian_filter1d(turns, PLAN_BELL / FINE, mode="nearest")
    heading = np.radians(heading) + ends(turns)
    middle = (heading[:-1] + heading[1:]) / 2
    x, z = ends(np.cos(middle) * FINE), ends(np.sin(middle) * FINE)

    # What the altitude gains at each step.
    gain = np.diff(np.interp(along, *np.array(altitude, float).T))
    y = altitude[0][1] + ends(gaussian_filter1d(gain, bell / FINE, mode="nearest"))

    # Points evenly along the road, measured in space. The spacing gives way by less than 1e-3 m,
    # so that the last point is at the finish.
    line = np.stack([x, y, z], axis=1)
    travelled = ends(np.linalg.norm(np.diff(line, axis=0), axis=1))
    points = np.linspace(0, travelled[-1], round(travelled[-1] / SPACING) + 1)
    line = np.stack([np.interp(points, travelled, each) for each in line.T], axis=1)
    line[:, [0, 2]] -= line[:, [0, 2]].min(axis=0)
    return np.round(line, DIGITS)


def ends(lengths):
    """How far along the end of each piece is, from 0 at the start."""
    return np.concatenate([[0.0], np.cumsum(lengths)])


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, tables in TRACKS.items():
        np.save(directory / f"{name}.npy", draw(*tables))
