"""The player of races: what it shows belongs to the moment that its slider is at."""

import io

import numpy as np
import pytest
from PIL import Image

from tmnet.racing import load_track, replay


@pytest.fixture(scope="module")
def race():
    return replay("A01", [0] * 80)


def pictures(player):
    return [np.asarray(Image.open(io.BytesIO(w.value))) for w in (player.view, player.chart)]


def test_shows_the_moment(race):
    """Label, view and marked places follow the slider."""
    player = race.play()
    assert player.moment.max == player.play.max == 80
    assert player.play.interval == 50
    for row in (0, 80, 37):
        player.moment.value = row
        moment = race.path.iloc[row]
        assert f"{moment.time_s:.2f} s" in player.label.value
        assert f"{moment.speed_kmh:.0f} km/h" in player.label.value
        view, _ = pictures(player)
        seen = race.picture(row).astype(int)
        assert np.abs(view.astype(int) - seen).mean() < 4  # JPEG


def test_marks_the_car_in_the_chart(race):
    """The orange dot moves to the right in the chart of the speed, as the distance grows."""
    player = race.play()
    places = []
    for row in (20, 50, 80):
        player.moment.value = row
        chart = pictures(player)[1].astype(int)
        orange = np.abs(chart - np.array([0xD5, 0x5E, 0x00])).max(axis=2) < 3
        rows, columns = np.nonzero(orange)
        below = rows > chart.shape[0] * 0.6
        places.append((columns[below].mean(), -rows[below].mean()))
    along, up = np.array(places).T
    assert (np.diff(along) > 0).all() and (np.diff(up) > 0).all()


@pytest.mark.parametrize("metres", [300.0, 600.0, None])
@pytest.mark.parametrize("name", ["A01", "Hock"])
def test_the_chart_has_no_gaps(name, metres):
    """However long and narrow the plan of a track is: it is drawn as wide as it is high."""
    track = load_track(name)
    player = replay(track if metres is None else track.first(metres), [0] * 9).play()
    _, chart = pictures(player)
    rows = (chart.min(axis=(1, 2)) > 250).astype(int)  # nothing is drawn in them
    ends = np.flatnonzero(np.diff([0, *rows, 0]))
    assert (ends[1::2] - ends[::2]).max() < 0.1 * len(rows)
