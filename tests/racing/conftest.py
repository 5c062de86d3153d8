"""Roads and cars that tests of racing share."""

import pytest

from tmnet.racing import Simulator

from .driving import (
    straight,
)


@pytest.fixture(scope="module")
def level():
    return Simulator([straight(3000)])
