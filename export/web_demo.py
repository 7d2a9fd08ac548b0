"""A page that runs a .tflite in the browser: photo or camera in, expression and average face out."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from ifgan_tf import cli
from ifgan_tf.errors import UserError
from ifgan_tf.faces import detection, geometry, quality
from ifgan_tf.pretrained import MODEL
from ifgan_tf.recognition import litert

USAGE = """
Writes one folder that holds a page, the model, a face detector and the LiteRT runtime for browsers.

    python -m export.web_demo --output=DIR                                              the model that ships
    python -m export.web_demo --model=RUN/tflite/ifgan_float32.tflite --output=DIR      one of your own
    python -m http.server --directory DIR 8000      and open http://localhost:8000

Needs npm, which fetches the runtime (Apache-2.0) once. Browsers give the camera to localhost and https only. Nothing
is sent anywhere: pictures stay in the browser.
"""

RUNTIME = {"@litertjs/core": "2.5.3", "@litertjs/wasm-utils": "2.5.3"}
TILE = 97  # the browser's runtime wants fixed sizes: the detector's first network goes over a picture by such squares
_PAGE = Path(__file__).parent / "web"


def write_demo(model: Path, output: Path) -> None:
    """Writes the folder that `USAGE` describes; a demo that is there is replaced, once the new one is whole.

    Raises:
      UserError: when the model is none of ours, npm cannot fetch the runtime, or `output` cannot be written.
    """
    wanted = settings(_metadata(model))
    output = output.resolve()  # a link stays one
    if output.exists() and not (output / "settings.json").is_file():
        raise UserError(f"--output={output}: exists and is no demo; expected a new folder")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as beside:
            _build(Path(beside), model, wanted)
            _move(Path(beside), output)
    except OSError as error:
        raise UserError(
            f"--output={output}: cannot be written ({error.strerror}); expected a folder with room and permission"
        ) from None


def _build(folder: Path, model: Path, wanted: dict[str, Any]) -> None:
    from export.mtcnn_tflite import convert_detector

    for file in _PAGE.iterdir():
        shutil.copyfile(file, folder / file.name)
    _fetch_runtime(folder / "litert")
    shutil.copyfile(model, folder / "model.tflite")
    (folder / "face_detector.tflite").write_bytes(convert_detector(TILE))
    (folder / "settings.json").write_text(json.dumps(wanted, indent=2) + "\n")


def _move(built: Path, output: Path) -> None:
    """File by file: a server that holds the folder open goes on with it, and no file is gone for a moment.

    What tells a demo from other folders comes first, the page last.
    """
    order = {"settings.json": 0, "index.html": 2}
    files = [file for file in sorted(built.rglob("*")) if file.is_file()]
    for file in sorted(files, key=lambda file: order.get(file.name, 1)):
        target = output / file.relative_to(built)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(0o755)  # whoever serves the folder may be somebody else
        file.chmod(0o644)
        file.replace(target)


def settings(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the page must know: of the model, of alignment, of finding faces and of judging them."""
    return {
        "model": {name: metadata[name] for name in ("labels", "image_size", "working_size")},
        "alignment": {"template": metadata["template"], "size": geometry.ALIGNED_SIZE},
        "detector": {
            "tile": TILE,
            "max_side": detection.MAX_SIDE,
            "min_side": detection.MIN_SIDE,
            "window": detection.WINDOW,
            "stride": detection.STRIDE,
            "smallest_face": detection.SMALLEST_FACE,
            "pyramid_ratio": detection.PYRAMID_RATIO,
            "min_face": detection.MIN_FACE,
            "proposal": detection.PROPOSAL_THRESHOLD,
            "refine": {"side": detection.REFINE_SIDE, "threshold": detection.REFINE_THRESHOLD},
            "output": {"side": detection.OUTPUT_SIDE, "threshold": detection.OUTPUT_THRESHOLD},
        },
        "quality": {
            "side": quality.SIDE,
            "smallest_side": quality.SMALLEST_SIDE,
            "eyes_to_mouth": quality.EYES_TO_MOUTH,
            "rows": quality.ROWS,
            "columns": quality.COLUMNS,
            "brightest": quality.BRIGHTEST,
            "overexposed": quality.OVEREXPOSED,
            "nose": quality.NOSE,
            "level": quality.LEVEL,
            "a_degree": quality.A_DEGREE,
            "limits": [limit._asdict() for limit in quality.LIMITS],
        },
    }


def _metadata(model: Path) -> dict[str, Any]:
    try:
        content = model.read_bytes()
        with zipfile.ZipFile(model) as package:
            metadata = {
                "template": geometry.TEMPLATE.tolist(),
                **json.loads(litert.member(package, litert.METADATA, litert.MAX_METADATA_BYTES)),
            }
        if hashlib.sha256(content[: metadata["model"]["bytes"]]).hexdigest() != metadata["model"]["sha256"]:
            raise ValueError("its checksum is wrong")
        geometry.template_of(metadata["template"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise UserError(f"--model={model}: not a .tflite file written by export.tflite, or damaged ({error})") from None
    return metadata


def _fetch_runtime(folder: Path) -> None:
    (folder / "wasm").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as download:
        for package, version in RUNTIME.items():
            _unpack(package, version, Path(download))
        core = Path(download) / "core" / "package"
        shutil.copyfile(Path(download) / "wasm-utils" / "package" / "dist" / "index.js", folder / "wasm-utils.js")
        # One thread, with and without relaxed SIMD; threads and JSPI need headers or flags that few servers have.
        for name in ("litert_wasm_internal", "litert_wasm_compat_internal"):
            for suffix in (".js", ".wasm"):
                shutil.copyfile(core / "wasm" / f"{name}{suffix}", folder / "wasm" / f"{name}{suffix}")
        # By its package's name it would be found through an import map only, which strict servers do not allow.
        text = (core / "dist" / "index.js").read_text("utf-8").replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"')
        (folder / "core.js").write_text(f"// Changed: imports ./wasm-utils.js, a file.\n{text}", "utf-8")


def _unpack(package: str, version: str, folder: Path) -> None:
    command = ["npm", "pack", "--silent", f"{package}@{version}", f"--pack-destination={folder}"]
    try:
        name = subprocess.run(command, capture_output=True, check=True, text=True, cwd=folder).stdout.split()[-1]
    except FileNotFoundError:
        raise UserError("npm is not installed; it fetches the browser's runtime: install Node.js") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise UserError(
            f"npm cannot fetch {package} {version} ({reason[0]}); expected a connection to a registry of npm"
        ) from None
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / package.split("/")[1], filter="data")


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    cli.required("output")
    values = flags.FLAGS
    write_demo(Path(values.model or MODEL), Path(values.output))
    logging.info("%s: python -m http.server --directory %s 8000", values.output, values.output)


if __name__ == "__main__":
    flags.DEFINE_string("model", "", "A .tflite file written by export.tflite; the model that ships, unless given.")
    flags.DEFINE_string("output", "", "Folder to write.")
    cli.run(main, USAGE)
