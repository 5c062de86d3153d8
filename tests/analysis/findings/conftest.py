"""The published runs, compared."""

from pathlib import Path

import pytest

from tmnet.files import data_path

from ...synthetic import load
from .told import PUBLISHED


@pytest.fixture(scope="module")
def published():
    return [load(Path(data_path("published", "runs")), name) for name in PUBLISHED]
