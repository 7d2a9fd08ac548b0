"""Signals ask a training to stop; the second one is not asked twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ifgan_tf.training import stopping

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_remembered_until_somebody_looks(number, code):
    before = signal.getsignal(number)
    with stopping.signals() as stop:
        stop.check()
        os.kill(os.getpid(), number)
        assert stop.signal == number and stop.exit_code == code
        with pytest.raises(stopping.Stopped):
            stop.check()
    assert signal.getsignal(number) is before


def test_what_may_be_left_in_its_middle_is_left_at_once():
    reached = []
    with stopping.signals() as stop:
        with pytest.raises(stopping.Stopped), stop.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append(signal.sigtimedwait([], 5))
        with pytest.raises(stopping.Stopped), stop.at_once():
            reached.append("asked before")
    assert not reached


def test_native_code_may_make_another_error_of_it():
    """As TensorFlow did, struck while it traced: SystemError, bad argument to internal function."""
    with stopping.signals() as stop, pytest.raises(stopping.Stopped), stop.at_once():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.sigtimedwait([], 5)
        except stopping.Stopped:
            raise SystemError("bad argument to internal function") from None
    with stopping.signals() as stop, pytest.raises(SystemError), stop.at_once():
        raise SystemError("nobody asked")


@pytest.mark.parametrize("numbers", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT")])
def test_the_second_signal_leaves_at_once_even_from_native_code(numbers):
    """The main thread waits for a lock and reaches no Python handler, as in a long step of TensorFlow."""
    script = (
        "import signal, threading; from ifgan_tf.training import stopping\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])\n"
        "with stopping.signals():\n"
        "    threading.Thread(target=lambda: (signal.pthread_sigmask(signal.SIG_UNBLOCK, [2, 15]), input())).start()\n"
        "    print('ready', flush=True)\n"
        "    signal.sigwait([signal.SIGUSR1])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        first, second = (getattr(signal, name) for name in numbers)
        process.send_signal(first)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(second)
        assert process.wait(30) == 128 + second


def test_other_threads_than_the_main_one_have_no_handlers():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def elsewhere():
        with stopping.signals() as stop:
            seen.append((stop.signal, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [(0, before)]
