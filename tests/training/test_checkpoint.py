"""Checkpoints: whole or not there, harmless to load, and of what they say they are."""

from __future__ import annotations

import errno
import io
import os
import pickle
import shutil
import subprocess
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.errors import TrainingWarning
from tmnet.racing import load_track
from tmnet.training.acting import Actor
from tmnet.training.checkpoint import Checkpoints, DamagedCheckpoint, load_checkpoint

from ..checks import one_sentence, refused
from .trainings import (
    CYCLE,
    STRETCH,
    Spy,
    Trainings,
    bomb,
    bytes_of,
    differences,
    races_again,
    scripted,
    without_times,
)


@pytest.fixture
def kept(tmp_path):
    """Two checkpoints of 7,000 and 8,000 frames."""
    checkpoints = Checkpoints(tmp_path / "run")
    for frames in (7000, 8000):
        checkpoints.save(state(frames), frames)
    return checkpoints


def state(frames):
    weights = torch.arange(1000.0) + frames
    return {"frames": frames, "weights": weights, "names": ["a", "b"], "more": {"x": 1.5}}


def names(kept):
    return sorted(path.name for path in kept.directory.iterdir())


# --- what is kept -------------------------------------------------------------------------------


def test_there_and_back(kept):
    assert not differences(kept.load(), {"format": 2} | state(8000))
    assert not differences(load_checkpoint(kept.files()[0]), {"format": 2} | state(7000))


@settings(max_examples=25)
@given(st.lists(st.integers(0, 10**12 - 1), min_size=1, max_size=6))
def test_the_two_of_most_frames_are_kept(tmp_path_factory, frames):
    """Each run counts up; a checkpoint of the same frames takes the other's place."""
    kept = Checkpoints(tmp_path_factory.mktemp("kept"))
    (kept.directory / "best_1.pt").write_bytes(b"")
    for number in sorted(frames):
        kept.save(state(number), number)
    expected = sorted(set(frames))[-2:]
    assert [int(path.stem) for path in kept.files()] == expected
    assert len(list(kept.directory.iterdir())) == len(expected) + 1
    assert kept.load()["frames"] == max(frames)


def test_copies_change_nothing(kept):
    """Only what tmnet itself has written, by its full name, is chosen or deleted."""
    good = kept.files()[-1].read_bytes()
    tmnets = {"000000008000.pt.0123456789abcdef0123456789abcdef.tmp"}
    others = {
        "000000008000 copy.pt", "000000009999 (1).pt", "000000009999.pt.bak", "9999.pt",
        "9checkpoint (1).pt", "x copy.pt", "00000000900x.pt", "notes.tmp", "000000009999.tmp",
        "other.0123456789abcdef0123456789abcdef.tmp",
    }  # fmt: skip
    for name in tmnets | others:
        (kept.directory / name).write_bytes(good)
    (kept.directory / "000000009999.pt").mkdir()
    assert [path.name for path in kept.files()] == ["000000007000.pt", "000000008000.pt"]
    kept.save(state(8500), 8500)
    expected = {"000000008000.pt", "000000008500.pt", "000000009999.pt"} | others
    assert set(names(kept)) == expected and kept.load()["frames"] == 8500
    np.save(kept.directory / "eval_A01.npy", [1, 2])
    np.save(kept.directory / "eval_A01 copy.npy", [3, 4])
    map_, actions = kept.latest_race(["A01", "Hock"])
    assert (map_, actions.tolist()) == ("A01", [1, 2])


def test_no_checkpoint(tmp_path):
    refused(Checkpoints(tmp_path / "none").load, "no checkpoint", "none")
    assert Checkpoints(tmp_path / "none").latest_race(["A01", "Hock"]) is None


# --- no room ------------------------------------------------------------------------------------


def test_a_write_that_fails(kept, monkeypatch):
    """One sentence; what was there is there, and nothing else."""
    before = names(kept)

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        refused(
            lambda: kept.save(state(9000), 9000),
            "9000.pt cannot be written (No space left on device)", "; 000000008000.pt is kept",
        )  # fmt: skip
        refused(lambda: kept.save_best("A01", state(1)), "best_A01.pt", "No space left")
        refused(lambda: kept.save_race("A01", np.arange(9)), "eval_A01.npy", "No space left")
    assert names(kept) == before and not differences(kept.load(), {"format": 2} | state(8000))
    kept.save(state(9000), 9000)
    assert kept.load()["frames"] == 9000


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not mount or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(trainings, small_disk):
    """Two checkpoints have room there, and not a third; elsewhere the run goes on."""
    trainings.checkpoints = small_disk
    values = {"recording.checkpoint_minutes": 1e-4, "memory.uses_per_transition": 0.1}
    said = refused(
        lambda: trainings.train(values=values, frames=3000),
        "cannot be written (No space left on device)", " is kept",
    )  # fmt: skip
    files = trainings.files()
    assert said.endswith(f"; {files[-1].name} is kept.")
    assert all(path.suffix != ".tmp" for path in (small_disk / "run").iterdir())
    before = trainings.state()
    assert before["frames"] < 2500
    trainings.checkpoints = trainings.root / "larger"
    shutil.copytree(small_disk, trainings.checkpoints)
    trainings.train(values=values, frames=before["frames"] + 100, resume=True)
    assert trainings.state()["frames"] > before["frames"] and len(trainings.files()) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_for_the_log(trainings, small_disk):
    trainings.logs = small_disk
    (small_disk / "others").write_bytes(bytes(2 * 2**20 - 2**14))
    refused(lambda: trainings.train(frames=2000), "No space left on device")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_limit_of_file_sizes(trainings):
    """The same where no small disk can be mounted."""
    resource = pytest.importorskip("resource")
    trainings.train(frames=400)
    before = trainings.state()
    size = trainings.files()[-1].stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1000, limits[1]))
    try:
        said = refused(lambda: trainings.train(frames=900, resume=True), "cannot be written (")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said.endswith(f"; {trainings.files()[-1].name} is kept.")
    assert not differences(trainings.state(), before)
    trainings.train(frames=900, resume=True)
    assert 900 <= trainings.state()["frames"] < 908


def test_a_checkpoint_holds_only_what_is_remembered(trainings):
    """And not the room for what will be."""
    values = {"memory.schedule": [[0, 20_000, 50]]}
    trainings.train(values=values, frames=200)
    assert trainings.state()["replay"]["action"].shape == (25, 8)
    assert trainings.files()[-1].stat().st_size < 200 * 184 * 4 + 200_000


# --- what is damaged, or no checkpoint ----------------------------------------------------------


def zipped(path, **changed):
    """The bytes of a checkpoint in which some parts are others."""
    file = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, changed.get(name.rpartition("/")[2].replace(".", "_"), old.read(name))
            )
    return file.getvalue()


def damaged(kept, marker):
    """By what is wrong with it: bytes of a file."""
    good = kept.files()[-1].read_bytes()
    with_bomb = {"format": 1, "frames": 9000, "x": bomb(marker)}
    return {
        "empty": b"",
        "one byte": b"P",
        "half": good[: len(good) // 2],
        "a flipped bit": good[:800] + bytes([good[800] ^ 4]) + good[801:],
        "almost all": good[:-1],
        "without its head": good[100:],
        "text": b"frames: 9000\n",
        "random": np.random.default_rng(0).bytes(5000),
        "zeros": bytes(5000),
        "an archive": bytes_of(lambda file: zipfile.ZipFile(file, "w").close()),
        "a pickle": pickle.dumps({"format": 1, "frames": 9000}),
        "a bomb": pickle.dumps(with_bomb),
        "a bomb of torch": bytes_of(lambda file: torch.save(with_bomb, file)),
        "a bomb of old": bytes_of(
            lambda file: torch.save(with_bomb, file, _use_new_zipfile_serialization=False)
        ),
        "a bomb inside": zipped(kept.files()[-1], data_pkl=pickle.dumps(bomb(marker))),
        "a network": bytes_of(lambda file: torch.save(torch.nn.Linear(2, 2), file)),
        "weights": bytes_of(lambda file: torch.save({"weight": torch.ones(2)}, file)),
        "a list": bytes_of(lambda file: torch.save([1, 2], file)),
        "of another version": bytes_of(lambda file: torch.save({"format": 999}, file)),
        "an array": bytes_of(lambda file: np.save(file, np.ones(3))),
    }


def test_damaged_files(kept, tmp_path):
    """One sentence that names the file, and the one before it, which is used; no code is run."""
    marker = tmp_path / "marker"
    last = kept.files()[-1]
    for what, data in damaged(kept, marker).items():
        last.write_bytes(data)
        refused(lambda: load_checkpoint(last), last)
        if what == "of another version":  # which that one can go on with
            refused(kept.load, last, "this version of tmnet")
            continue
        with pytest.warns(TrainingWarning) as told:
            assert kept.load()["frames"] == 7000
        (said,) = (str(warning.message) for warning in told)
        one_sentence(said, last, "damaged", "000000007000.pt, from before it, is used")
        assert not marker.exists(), what
    first = kept.files()[0]
    first.write_bytes(b"")
    refused(kept.load, first.parent, "damaged")
    pickle.loads(pickle.dumps(bomb(marker)))
    assert marker.exists()  # it would have been noticed


def test_any_flipped_bit(kept):
    """One in every byte of a file, and each of its checksum, is found."""
    path = kept.save({"weights": torch.arange(20.0)}, 9000)
    good = path.read_bytes()
    assert load_checkpoint(path)["weights"].tolist() == list(range(20))
    assert int(good[-9:-1], 16) == zlib.crc32(good[:-22])
    bits = [8 * i + 3 * i % 8 for i in range(len(good))]
    for bit in [*bits, *range(8 * (len(good) - 22), 8 * len(good))]:
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedCheckpoint):
            load_checkpoint(path)


@settings(max_examples=60)
@given(data=st.data())
def test_bytes_that_are_others(tmp_path_factory, data):
    """Wherever a file is cut or changed: it is refused in a sentence."""
    kept = Checkpoints(tmp_path_factory.mktemp("kept"))
    path = kept.save({"weights": torch.arange(20.0)}, 1)
    good = path.read_bytes()
    changed = bytearray(good)
    if data.draw(st.booleans()):
        changed = changed[: data.draw(st.integers(0, len(good) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assume(changed != good)
    path.write_bytes(changed)
    refused(kept.load, path, "damaged")


def test_a_checkpoint_of_before_there_were_checksums(kept):
    """It opens as it did."""
    path = kept.directory / "000000009000.pt"
    torch.save({"format": 1} | state(9000), path)
    assert not differences(kept.load(), {"format": 1} | state(9000))
    torch.save({"format": 2} | state(9000), path)  # of which there are none without
    refused(lambda: load_checkpoint(path), "damaged")


@pytest.mark.parametrize(
    ("what", "resume"), [("half", True), ("a flipped bit", "auto"), ("a bomb of torch", "auto")]
)
def test_resuming_from_a_damaged_file(trainings, tmp_path, what, resume):
    """It is named, and kept; the run goes on from the one before it, to the same end."""
    trainings.train(frames=100)
    trainings.train(frames=200, resume=True)
    one, other = trainings.files()
    good, marker = other.read_bytes(), tmp_path / "marker"
    kept = Checkpoints(trainings.checkpoints / "run")
    bad = damaged(kept, marker)[what]
    other.write_bytes(bad)
    with pytest.warns(TrainingWarning, match=f"{other.name} is damaged.*{one.name}"):
        trainings.train(frames=200, resume=resume)
    assert not marker.exists() and other.with_suffix(".damaged").read_bytes() == bad
    assert trainings.files() == [one, other]
    again = torch.load(other, weights_only=True)
    before = torch.load(io.BytesIO(good), weights_only=True)
    assert not differences(without_times(again), without_times(before))
    steps = tmnet.load_run("run", trainings.logs, cache=False).steps
    assert steps == 200


def test_the_only_one_is_damaged(trainings):
    trainings.train(frames=100)
    first, last = trainings.files()
    first.unlink()
    last.write_bytes(b"")
    for resume in (True, "auto"):  # which does not start anew: much may be saved yet
        refused(lambda how=resume: trainings.train(frames=300, resume=how), last, "damaged")
    assert trainings.files() == [last]
    refused(
        lambda: trainings.train("other", {"initial_checkpoint": str(last)}, frames=9),
        last,
        "damaged",
    )


# --- the best, and the latest race --------------------------------------------------------------


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """A training that learns while it drives, with its races driven again."""
    trainings = Trainings(tmp_path_factory.mktemp("raced"))
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, idle=130)
        spy = Spy(patch)
        noisy(patch)
        trainings.train(values={"performance.num_envs": 6}, frames=2100)
    races, *_ = races_again(spy.actions, CYCLE)
    return SimpleNamespace(
        trainings=trainings, spy=spy, evals=[race for race in races if race["kind"] == "eval"],
        folder=trainings.checkpoints / "run",
    )  # fmt: skip


def noisy(patch):
    """The driver fails now and then, so that one eval race is not like the other."""
    own_q, looks = Actor.q, [0]

    def noisy_q(*args):
        q = own_q(*args)
        looks[0] += 1
        if looks[0] % 7 == 0 and looks[0] // 60 % 2:
            q[:, 3] += 2  # coasts
        return q

    patch.setattr(Actor, "q", noisy_q)


@pytest.mark.parametrize("map_", ["A01", "Hock"])
def test_the_best_network(raced, map_):
    """Of the fastest eval race on a map that finished, and the weights that drove it."""
    finished = [race for race in raced.evals if race["map"] == map_ and race["finished"]]
    best = min(finished, key=lambda race: race["time_s"])  # the first of equals
    assert map_ == "Hock" or finished[0] is not best is not finished[-1]
    found = torch.load(raced.folder / f"best_{map_}.pt", weights_only=True)
    assert found["map"] == map_ and found["frames"] == best["step"]
    assert found["time_s"] == pytest.approx(best["time_s"], abs=1e-9)
    assert found["experiment"] == raced.trainings.state()["experiment"]
    network = tmnet.networks.IQN(
        tmnet.experiments.config.NetworkConfig(**found["experiment"]["neural_network"])
    )
    network.load_state_dict(found["online"])
    weights = sum(x.double().sum().item() for x in network.parameters())
    at_its_start = raced.spy.weights[max(best["first_row"] - 1, 0)]
    assert weights == pytest.approx(at_its_start, abs=1e-9)
    for later in (best["row"], -1):
        assert weights != pytest.approx(raced.spy.weights[later], abs=1e-6)
    records = raced.trainings.state()["records"]
    assert records[map_] == pytest.approx(-best["time_s"])


@pytest.mark.parametrize("map_", ["A01", "Hock"])
def test_the_latest_eval_race(raced, map_):
    """Its actions give its time again."""
    race = [race for race in raced.evals if race["map"] == map_][-1]
    actions = np.load(raced.folder / f"eval_{map_}.npy", allow_pickle=False)
    assert actions.tolist() == race["actions"]
    again = tmnet.racing.replay(load_track(map_).first(STRETCH), actions)
    logged = raced.trainings.values_of(f"Race/eval_race_time_trained_{map_}")
    assert again.finished == race["finished"]
    assert race["finished"] and again.time_s == pytest.approx(logged[race["step"]], abs=6e-4)


def test_the_latest_of_all_races(raced):
    found = Checkpoints(raced.folder).latest_race(["A01", "Hock"])
    times = {path.stem[5:]: path.stat().st_mtime_ns for path in raced.folder.glob("eval_*.npy")}
    assert set(times) == {"A01", "Hock"}
    assert found[0] == max(times, key=times.get)
    assert found[1].tolist() == np.load(raced.folder / f"eval_{found[0]}.npy").tolist()


def test_what_there_is_in_the_end(raced):
    assert len(raced.trainings.files()) == 2
    others = {path.name for path in raced.folder.iterdir()} - {
        path.name for path in raced.trainings.files()
    }
    assert others == {f"{kind}_{map_}.{end}" for map_ in ("A01", "Hock")
                      for kind, end in (("best", "pt"), ("eval", "npy"))}  # fmt: skip


@pytest.mark.parametrize(
    "schedule", [[[0, 100, 50]], [[0, 100, 50], [150, 4000, 60]]], ids=["short", "grows"]
)
def test_a_race_that_the_memory_does_not_hold(trainings, monkeypatch, schedule):
    """Longer than all that is remembered, or than what was when it began: it is kept as well."""
    scripted(monkeypatch)
    spy = Spy(monkeypatch)
    cycle = [{"map": "A01", "kind": "eval", "races": 1}]
    trainings.train(values={"memory.schedule": schedule, "map_cycle": cycle}, frames=600)
    race = races_again(spy.actions, cycle)[0][-1]
    actions = np.load(trainings.checkpoints / "run" / "eval_A01.npy", allow_pickle=False)
    assert actions.tolist() == race["actions"] and len(actions) > 100 / 8
