"""What racing loads: matplotlib when it draws, and never the rooms beside or above it."""

import subprocess
import sys

CODE = """
import sys

OTHERS = ["tmnet.logs", "tmnet.experiments", "tmnet.analysis", "tmnet.training", "tmnet.widgets"]
DRAWING = ["matplotlib", "seaborn", "ipywidgets", "tmnet.drawing"]

def not_loaded(names):
    loaded = [name for name in names if name in sys.modules]
    assert not loaded, loaded

import tmnet.racing
not_loaded([*OTHERS, *DRAWING, "pandas"])
race = tmnet.racing.replay(actions=[0] * 10)
race.picture(10)
not_loaded([*OTHERS, *DRAWING])
race.plot()
race.save(sys.argv[1])
race.play()
not_loaded(OTHERS)
"""


def test_what_is_loaded(tmp_path):
    """In a process of its own: races, draws, writes and plays."""
    subprocess.run([sys.executable, "-c", CODE, tmp_path / "race.gif"], check=True)
