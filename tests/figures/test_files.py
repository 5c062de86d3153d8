"""The files that are written."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tmnet

from ..synthetic import load, race, write_file
from .lines import NAMES

MAGIC = {"png": b"\x89PNG\r\n", "jpg": b"\xff\xd8\xff", "pdf": b"%PDF-", "svg": b"<?xml"}


def test_names_of_files(runs, tmp_path):
    names = ["A01/eval/best", "A01/explo/best", "loss", "avg_q/A01"]
    for options, suffix in (({}, ""), ({"by": "step"}, "_by_step"),
                            ({"by": "training_share"}, "_by_training_share")):  # fmt: skip
        comparison = tmnet.compare(runs, metrics=names, **options)
        files = comparison.export(tmp_path / "new" / "folder", "exp", ("jpg",), dpi=20)
        assert files == [
            tmp_path / "new" / "folder" / f"exp_{name}{suffix}.jpg"
            for name in ("A01_best", "A01_explo_best", "loss", "avg_q")
        ]
        assert all(file.is_file() for file in files)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 12


def test_average_q_of_two_maps(tmp_path):
    write_file(tmp_path / "X", [(60, 1, {"RL/avg_Q_trained_A01": 1, "RL/avg_Q_trained_B": 2})])
    files = tmnet.compare([load(tmp_path, "X")]).export(tmp_path, "exp", ("png",), dpi=20)
    assert {file.name for file in files} == {"exp_avg_q_A01.png", "exp_avg_q_B.png"}


@pytest.mark.parametrize("kind", MAGIC)
def test_every_format_of_figures(whole, tmp_path, kind):
    (file,) = whole.only(["loss"]).export(tmp_path, "exp", (kind.upper(),), dpi=40)
    assert file.name == f"exp_loss.{kind}"
    data = file.read_bytes()
    assert data.startswith(MAGIC[kind])
    if kind in ("png", "jpg"):
        with Image.open(file) as image:
            image.load()
            width, height = whole.plot("loss").get_size_inches() * 40
            assert image.size == (int(width), int(height))
            assert len(np.unique(np.asarray(image.convert("L")))) > 10
    if kind == "svg":
        words = "".join(ElementTree.fromstring(data).itertext())
        assert all(word in words for word in [*NAMES, "loss", "training time (min)"])
    if kind == "pdf":
        assert data.rstrip().endswith(b"%%EOF")
    (again,) = whole.only(["loss"]).export(tmp_path / "again", "exp", (kind,), dpi=40)
    assert again.read_bytes() == data


def test_a_table_as_csv_is_the_frame(whole, tmp_path):
    (file,) = whole.export(tmp_path, "exp", ("csv",))
    assert file.name == "exp_table.csv"
    got = pd.read_csv(file, dtype=str).astype({"at": float, "value": float})
    expected = whole.frame.astype({"run": str, "metric": str})
    pd.testing.assert_frame_equal(got, expected, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("kind, mark", [("md", "|---"), ("tex", r"\toprule")])
def test_tables_for_write_ups(whole, tmp_path, kind, mark):
    (file,) = whole.export(tmp_path, "exp", (kind,))
    text = file.read_text(encoding="utf-8")
    assert mark in text and "45.50*" in text and "ended" in text


@pytest.mark.parametrize(
    "tags",
    [
        ["a/b", "a_b", "a b", "a_b_2", "a:b"],
        ["A01_best", "A01/eval/best", "A01/explo_best", "A01_explo_best"],
        ["charts/SPS", "charts/sps"],  # Windows and macOS see one name
    ],
    ids=str,
)
def test_two_metrics_never_share_a_file(tmp_path, tags):
    records = [(60 * k, k, dict.fromkeys(tags[1:], k) | {tags[0]: k}) for k in (1, 2)]
    write_file(tmp_path / "X", [*records, (150, 3, race(40.0))])
    comparison = tmnet.compare([load(tmp_path, "X")], metrics=tags)
    files = comparison.export(tmp_path / "out", "exp", ("png",), dpi=20)
    assert len(files) == len(tags)
    assert len({str(file).lower() for file in files}) == len(tags)
    assert len(list((tmp_path / "out").iterdir())) == len(tags)
    assert all(re.fullmatch(r"[\w.-]+", file.name) for file in files)


def test_an_unknown_format(whole, tmp_path):
    with pytest.raises(tmnet.TmnetError, match=r"format bmp cannot be written; .*png, svg"):
        whole.export(tmp_path / "out", "exp", ("png", "bmp"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(whole, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for below in ("", "folder"):
        with pytest.raises(tmnet.TmnetError, match="cannot be made"):
            whole.export(tmp_path / "file" / below, "exp", ("csv",))
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_file_that_cannot_be_written(whole, tmp_path):
    """There is a folder of its name; nothing half written is left."""
    (tmp_path / "exp_table.csv").mkdir()
    with pytest.raises(tmnet.TmnetError, match=r"exp_table\.csv cannot be written"):
        whole.export(tmp_path, "exp", ("csv",))
    assert [path.name for path in tmp_path.iterdir()] == ["exp_table.csv"]
