import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.expressions import still
from datasets.synthetic_faces.picture import picture_of, take_picture
from ifgan_tf.data.images import read_image

ROOT = Path(__file__).parents[2]


def draw(*arguments):
    command = [sys.executable, "-m", "datasets.synthetic_faces.draw", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_person_outside_the_data_set_is_drawn(tmp_path):
    output = tmp_path / "new" / "face.png"
    done = draw("--person=1234", "--expression=fear", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(output)
    np.testing.assert_array_equal(read_image(output), take_picture(1234, "fear", 4).image)


def test_intensity_and_action_units_are_drawn(tmp_path):
    smile, weak = tmp_path / "smile.png", tmp_path / "weak.png"
    assert draw("--person=1234", "--action_units=12:1,6:0.8", f"--output={smile}").returncode == 0
    performance = still(Activations({12: np.full(2, 1.0), 6: np.full(2, 0.8)}))
    np.testing.assert_array_equal(read_image(smile), picture_of(1234, performance).image)
    assert draw("--person=1234", "--intensity=1", f"--output={weak}").returncode == 0
    np.testing.assert_array_equal(read_image(weak), take_picture(1234, "happiness", 1).image)


def test_contact_sheet_has_a_row_a_person_and_a_column_an_expression(tmp_path):
    done = draw("--people=2", f"--output={tmp_path / 'sheet.png'}")
    assert done.returncode == 0, done.stderr
    height, width = read_image(tmp_path / "sheet.png").shape[:2]
    assert 2 * 128 < height < 3 * 128 and 7 * 128 < width < 9 * 128
    done = draw("--people=2", "--action_units=4:1", f"--output={tmp_path / 'frown.png'}")
    assert done.returncode == 0 and 128 < read_image(tmp_path / "frown.png").shape[1] < 256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--output is missing"),
        (["--output=F", "--expression=contempt"], "label 'contempt': expected one of anger"),
        (["--output=F", "--person=-1"], "person"),
        (["--output=F", "face"], "face: expected flags only"),
        (["--output=F", "--intensity=5"], "intensity"),
        (["--output=F", "--action_units=12"], "--action_units=12: expected FACS units"),
        (["--output=F", "--action_units=3:1"], "12 lip corner puller"),
        (["--output=F", "--action_units=12:1,12:0"], "each once"),
        (["--output=F", "--action_units=12:7"], "from 0 to 1.2"),
        (["--output=F", "--action_units=12:1", "--expression=fear"], "leave --expression"),
    ],
)
def test_bad_usage_is_named_and_nothing_written(tmp_path, arguments, message):
    done = draw(*[argument.replace("=F", f"={tmp_path / 'face.png'}") for argument in arguments])
    assert done.returncode == 2 and message in done.stderr
    assert not list(tmp_path.iterdir())
