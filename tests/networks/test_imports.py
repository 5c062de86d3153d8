"""Names of `tmnet.networks`: what needs no torch, and the same thing in every order of imports."""

import subprocess
import sys

import tmnet.networks

WITHOUT_TORCH = """
import sys

sys.modules["torch"] = None  # importing it fails
from tmnet.networks.costs import costs
from tmnet.networks import NetworkConfig, anatomy

assert "pandas" not in sys.modules
assert costs(NetworkConfig(), 512)["flops_per_batch"] > 1e9
assert anatomy(NetworkConfig.big()).totals["parameters"] == costs(NetworkConfig.big())["parameters"]
assert {"IQN", "anatomy", "costs", "draw_taus"} <= set(dir(sys.modules["tmnet.networks"]))
"""

# anatomy and costs are functions, and modules: whoever imports the modules gets at the functions'
# names. Each order begins as if they had never been imported.
ORDERS = """
import sys
from itertools import permutations

STEPS = [
    "import tmnet.networks",
    "from tmnet.networks import anatomy, costs",
    "import tmnet.networks.anatomy, tmnet.networks.costs",
    "from tmnet.networks.anatomy import Anatomy",
    "import importlib; importlib.import_module('tmnet.networks.costs')",
    "import tmnet.networks.timing; tmnet.networks.IQN",
    "from tmnet.networks import *",
]
for steps in permutations(STEPS, 3):
    for name in [name for name in sys.modules if name.startswith("tmnet.networks")]:
        del sys.modules[name]
    sys.modules.pop("tmnet", None)  # which has networks as an attribute
    names = {}
    for step in steps:
        exec(step, names)
        package = sys.modules["tmnet.networks"]
        for name in ("anatomy", "costs"):
            function = getattr(package, name)
            assert function is getattr(sys.modules[f"tmnet.networks.{name}"], name), (steps, name)
            assert names.get(name, function) is function, (steps, name)
"""


def run(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_torch():
    run(WITHOUT_TORCH)


def test_every_order():
    run(ORDERS)


def test_public_names():
    names = {}
    exec("from tmnet.networks import *", names)
    public = names.keys() - {"__builtins__"}
    assert public == set(tmnet.networks.__all__) <= set(dir(tmnet.networks))
    assert all(names[name].__name__ == name for name in public)
