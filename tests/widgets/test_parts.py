"""What widgets are made of: a job that is started, watched and stopped."""

import threading

import ipywidgets as widgets

from tmnet.errors import TmnetError
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.job import Job

from ..checks import wait_for


def job_of(work, message=None):
    callbacks = Callbacks(message or widgets.HTML())
    return Job("Go", "play", "Do it", lambda: work, callbacks)


def test_a_job_goes_on_beside_and_can_be_stopped():
    shares, go = [], threading.Event()

    def work(progress):
        while progress(len(shares) / 100):
            shares.append(job.progress.value)
            go.wait(60)

    job = job_of(work)
    job.start.click()
    wait_for(lambda: shares)
    assert job.is_running and job.start.disabled and not job.stop.disabled
    assert job.progress.layout.visibility == "visible"
    job._start()  # not twice
    job.stop.click()
    go.set()
    job.join(60)
    assert not job.is_running and shares[0] == 0
    assert not job.start.disabled and job.stop.disabled
    assert job.progress.layout.visibility == "hidden"


def test_what_a_job_raises_is_shown():
    message = widgets.HTML()

    def work(progress):
        raise TmnetError("There is nothing to do.")

    job = job_of(work, message)
    job.start.click()
    job.join(60)
    assert "There is nothing to do." in message.value and not job.start.disabled
