"""The flag files in `flags/`: one for each configuration, and what each says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "flags").glob("*.flags"))
PRESETS = [file for file in FILES if "# Command: " in file.read_text()]
PARTS = [file for file in FILES if file not in PRESETS]


def configuration(preset: Path) -> str:
    script = (
        "import json; from absl import flags; from ifgan_tf import cli, config; config.define_flags()\n"
        "cli.run(lambda _: print(json.dumps(config.to_dict(config.from_flags(flags.FLAGS, 0)), sort_keys=True)), '')"
    )
    command = [sys.executable, "-c", script, f"--flagfile={preset}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_no_two_presets_are_the_same():
    seen: dict[str, str] = {}
    for preset in PRESETS:
        told = configuration(preset)
        assert told not in seen, f"{preset.name} is {seen.get(told)}"
        seen[told] = preset.name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_what_has_no_command_is_part_of_a_preset(part):
    assert any(f"--flagfile=flags/{part.name}\n" in preset.read_text() for preset in PRESETS)


def test_the_names_that_commands_use_are_there():
    assert {"demo", "bu_3dfe", "ck_plus", "mmi", "raf_db", "photos"} <= {preset.stem for preset in PRESETS}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.stem)
def test_a_preset_says_its_command_its_time_and_the_figure_to_expect(preset):
    header = preset.read_text().partition("\n--")[0]
    assert all(line.startswith("# ") for line in header.splitlines())
    assert re.search(
        rf"^# Command: python train\.py --flagfile=flags/{preset.stem}\.flags .*--workdir=\S", header, re.M
    )
    time = re.search(r"^# Time: (.*)$", header, re.MULTILINE)
    assert time and re.fullmatch(r"2 cores, .*\((measured|computed).*|one GPU, not measured", time[1])
    figure = re.search(r"^# Accuracy: (.*)$", header, re.MULTILINE)
    assert figure and re.search(r"^[\d.]+ % .*\(.+\)|^not measured$", figure[1])
