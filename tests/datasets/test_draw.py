import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.synthetic_faces.picture import take_picture
from ifgan_tf.data.images import read_image

ROOT = Path(__file__).parents[2]


def draw(*arguments):
    command = [sys.executable, "-m", "datasets.synthetic_faces.draw", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_person_outside_the_data_set_is_drawn(tmp_path):
    output = tmp_path / "new" / "face.png"
    done = draw("--person=123", "--expression=fear", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(output)
    np.testing.assert_array_equal(read_image(output), take_picture(123, "fear", 4).image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--output is missing"),
        (["--output=F", "--expression=contempt"], "label 'contempt': expected one of anger"),
        (["--output=F", "--person=-1"], "person"),
        (["--output=F", "face"], "face: expected flags only"),
    ],
)
def test_bad_usage_is_named_and_nothing_written(tmp_path, arguments, message):
    done = draw(*[argument.replace("=F", f"={tmp_path / 'face.png'}") for argument in arguments])
    assert done.returncode == 2 and message in done.stderr
    assert not list(tmp_path.iterdir())
