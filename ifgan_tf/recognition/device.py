"""Names the expression of faces in pictures, on a device: LiteRT, NumPy and OpenCV, nothing else.

    python -m export.classify IMAGE…

or, on a device, this one file and beside it the model that ships, `ifgan_tf/pretrained/photos.tflite`; or, named by
--model, any .tflite that `export.tflite` wrote:

    pip install ai-edge-litert numpy opencv-python-headless
    python classify.py photo.jpg
    python classify.py --model=ifgan_float32.tflite photo.jpg folder/
    python classify.py --model=ifgan_float32.tflite --faces=all --average_face=out/face.png group.jpg
    python classify.py --model=ifgan_float32.tflite --camera=0

One JSON line an image, about its largest, most central face:

    {"image": path, "label": name, "confidence": p, "box": [x, y, width, height], "detection": p,
     "probabilities": {name: p, …}, "quality": words}

"quality" says why the answer is to be trusted less (small, blurred, dark, bright, turned; a good face has none). A face
of which nothing can be read has the label "uncertain"; so has, with --min_confidence=P, one whose best probability is
below P. Probabilities stay as they are.

With --faces=all also "faces": a list of such objects, from left to right. {"image": path, "error": …} says why there is
no label; where no face is found nothing is guessed. Boxes are in pixels of the upright picture.

Exit codes: 0 every image got a label; 1 some did not (their lines say why); 2 nothing was done: a model file that is
none of ours, or arguments that make no sense (or there is no room for the lines); 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Read when OpenCV is loaded: a picture of more pixels is refused before it takes the memory.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")

from ifgan_tf.recognition import INSTALL, UNDECODED

try:
    import cv2
    import numpy as np
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"error: {missing}; this needs: {INSTALL}", file=sys.stderr)
    sys.exit(2)

from ifgan_tf.errors import UserError
from ifgan_tf.faces.detection import Detection, best_face
from ifgan_tf.faces.geometry import align
from ifgan_tf.faces.quality import assess
from ifgan_tf.pretrained import MODEL
from ifgan_tf.recognition.litert import NO_FACE, Classifier
from ifgan_tf.recognition.naming import checked_confidence, label_of

_MAX_FILE_BYTES = 2**29
# How the files of pictures start, whatever they are called.
_TIFF = (b"II*\0", b"MM\0*")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", *_TIFF)
# What is called a picture is one, or there is something to say about it.
_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
_JUNK = (".", "thumbs.db", "desktop.ini")  # what systems leave in folders of pictures, ._photo.jpg among it


# --- Pictures ---------------------------------------------------------------------------------------------------


def read_image(path: str) -> np.ndarray:
    """A picture as uint8 RGB [H, W, 3], upright: grey widened, 16 bits reduced to 8, transparent parts on black.

    Raises:
      UserError: when the file is missing, empty, damaged, too large or no picture.
    """
    if not path:
        raise UserError("an empty name; expected a picture")
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UserError("is not a file")
        data = np.fromfile(path, np.uint8, _MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})") from None
    if not data.size:
        raise UserError("the file is empty")
    if data.size > _MAX_FILE_BYTES:
        raise UserError(f"has more than {_MAX_FILE_BYTES:,} bytes; expected a picture")
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        # A JPEG has no transparency: no need to look for it.
        alpha = None if bytes(data[:2]) == b"\xff\xd8" else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if image is not None and alpha is not None and alpha.ndim == 3 and alpha.shape[2] == 4:
            stored = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))
            on_black = bytes(data[:4]) in _TIFF and alpha.dtype == np.uint8  # by libtiff
            image = image if on_black else _on_black(image, _turned(alpha, stored, image))
        if image is not None and bytes(data[4:12]) == b"ftypavif":
            image = _upright_avif(image, bytes(data[:4096]))
    except Exception:  # decoders raise whatever they like
        raise UserError(f"has more than {os.environ['OPENCV_IO_MAX_IMAGE_PIXELS']} pixels, or is damaged") from None
    if image is None:
        raise UserError("is not a readable picture; expected JPEG, PNG, BMP, GIF, TIFF or WebP")
    return np.ascontiguousarray(image[:, :, ::-1])


def _turned(alpha: np.ndarray, stored: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """The layer of opacity as the picture was turned; OpenCV turns colours alone."""
    for turns in range(4):
        for flip in (np.asarray, np.fliplr):
            if np.array_equal(flip(np.rot90(stored, turns)), upright):
                return flip(np.rot90(alpha, turns))
    return alpha


def _upright_avif(image: np.ndarray, head: bytes) -> np.ndarray:
    """Turned and mirrored as the boxes `irot` and `imir` of an AVIF file say, which OpenCV does not read."""
    turn, mirror = (head.find(b"\0\0\0\x09" + box) + 8 for box in (b"irot", b"imir"))
    if turn >= 8:
        image = np.rot90(image, head[turn] & 3)
    if mirror >= 8:
        image = np.fliplr(image) if head[mirror] & 1 else np.flipud(image)
    return image


def _on_black(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha[:, :, 3:].astype(np.float32) / np.iinfo(alpha.dtype).max
    return np.rint(image * opacity).astype(np.uint8)


def images_of(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Name and error of every picture that the arguments name: files as they are, folders as the pictures in them.

    Returns:
      Pairs; the error is empty but for a folder without pictures.
    """
    found = []
    for argument in arguments:
        if not os.path.isdir(argument):  # noqa: PTH112 (a Path raises on some names)
            found.append((argument, ""))
            continue
        try:
            inside = sorted(str(file) for file in Path(argument).iterdir() if _is_picture(file))
        except OSError as error:
            found.append((argument, f"this folder cannot be read ({error.strerror})"))
            continue
        found += [(file, "") for file in inside] or [(argument, "no pictures in this folder")]
    return found


def _is_picture(file: Path) -> bool:
    if file.name.lower().startswith(_JUNK) or not os.path.isfile(file):  # noqa: PTH113 (a Path raises on some)
        return False
    if file.suffix.lower() in _SUFFIXES:
        return True
    try:
        with file.open("rb") as opened:
            start = opened.read(12)
    except OSError:
        return True  # there is something to say about it
    return start.startswith(_STARTS) or start[8:] == b"WEBP" or start[4:] in (b"ftypavif", b"ftypheic", b"ftypmif1")


# --- The command ------------------------------------------------------------------------------------------------


class Gallery:
    """Writes average faces: the first under the name asked for, the others under numbered ones.

    Args:
      file: name of the first.
      pictures: what is read, and so is never written over.
    """

    def __init__(self, file: str, pictures: Sequence[str]) -> None:
        self._file, self._count = Path(file), 0
        self._pictures = set(map(os.path.realpath, pictures))

    def write(self, face: np.ndarray) -> str:
        """Writes a uint8 RGB picture as PNG, whole or not at all; returns its path."""
        self._count += 1
        number = f"_{self._count}" if self._count > 1 else ""
        path = self._file.with_name(f"{self._file.stem}{number}{self._file.suffix}")
        if os.path.realpath(path) in self._pictures:
            raise UserError(f"--average_face={path}: is one of the pictures read; choose another name")
        beside = path.with_name(f".{os.getpid()}.png")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(cv2.imencode(".png", face[:, :, ::-1])[1].tobytes())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UserError(f"--average_face={path}: cannot be written ({error.strerror})") from None
        return str(path)


def frames(camera: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint8 RGB image of every frame of a camera (a number) or a video (a file).

    Raises:
      UserError: when it does not open.
    """
    try:
        capture = cv2.VideoCapture(int(camera) if camera.isascii() and camera.isdigit() else camera)
        opened = capture.isOpened()
    except Exception:  # a number too large, a name that is no text
        opened = False
    if not opened:
        raise UserError(f"--camera={_text(camera)}: does not open; expected the number of a camera, or a video file")
    number = 0
    try:
        while True:
            there, frame = capture.read()
            if not there:
                break
            yield f"{camera}#{number}", np.ascontiguousarray(frame[:, :, ::-1])
            number += 1
    finally:
        capture.release()
    if not number:
        raise UserError(f"--camera={_text(camera)}: {UNDECODED}")


def default_model() -> Path:
    """The model that ships: beside this file, in the checkout that holds it, or in the installed package.

    Raises:
      UserError: when it is in none of these.
    """
    installed = importlib.util.find_spec("ifgan_tf")  # imports nothing
    homes = [Path(__file__).resolve().parent.parent / "ifgan_tf"]
    homes += map(Path, installed.submodule_search_locations or () if installed else ())
    # In the one file for a device, MODEL is beside that file: it is inlined there, and named after __file__.
    places = [MODEL, *(home / "pretrained" / MODEL.name for home in homes)]
    for place in places:
        if place.is_file():
            return place
    raise UserError(
        f"no {MODEL.name} beside {Path(__file__).name}, and no installed ifgan_tf that has it; expected "
        f"--model=FILE.tflite, written by export.tflite, or a copy of ifgan_tf/pretrained/{MODEL.name} beside this file"
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="classify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a .tflite file written by export.tflite (default: the model that ships)")
    parser.add_argument("--faces", choices=("largest", "all"), default="largest", help="one face a picture, or all")
    parser.add_argument(
        "--min_confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="a label of a lower probability is `uncertain`; 0, the default, leaves all as they are",
    )
    parser.add_argument("--aligned", action="store_true", help="the pictures are aligned faces already: look for none")
    parser.add_argument(
        "--average_face",
        metavar="FILE",
        help="write the average face of every face named, as PNG: FILE.png, then FILE_2.png and so on",
    )
    parser.add_argument("--camera", help="number of a camera (or a video file) to read until it ends or Ctrl-C")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="picture, or folder of pictures")
    options = parser.parse_args(arguments)
    try:
        if bool(options.images) == bool(options.camera):
            raise UserError("expected either pictures or --camera")
        checked_confidence(options.min_confidence)
        if options.average_face and options.camera:
            raise UserError("--average_face: expected pictures; a camera's faces would never end")
        if options.average_face and not options.average_face.lower().endswith(".png"):
            raise UserError(f"--average_face={_text(options.average_face)}: expected a name that ends in .png")
        names = images_of(options.images)
        if names and all(error for _, error in names):
            raise UserError("; ".join(f"{_text(name)}: {error}" for name, error in names))
        classifier = Classifier(os.path.expanduser(options.model or default_model()))  # noqa: PTH111 (odd names stay)
        if options.average_face and not classifier.draws:
            raise UserError("--average_face: this model draws no average faces; leave the flag out")
        gallery = None
        if options.average_face:
            gallery = Gallery(os.path.expanduser(options.average_face), [name for name, _ in names])  # noqa: PTH111
        pictures = frames(options.camera) if options.camera else ((name, error or None) for name, error in names)
        lines = (_line(classifier, name, given, options, gallery) for name, given in pictures)
        failures = sum(_print(line) for line in lines)
    except UserError as error:
        print(f"error: {_text(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # how a camera ends
        return 0 if options.camera else 130
    except OSError as error:  # of printing: reading and writing pictures have errors of their own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's last flush would fail again
        if isinstance(error, BrokenPipeError):  # who reads has seen enough
            return 0
        print(f"error: the lines cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    return 1 if failures else 0


def _line(
    classifier: Classifier,
    name: str,
    given: np.ndarray | str | None,
    options: argparse.Namespace,
    gallery: Gallery | None,
) -> dict[str, Any]:
    """The line of one picture: `given` (pixels, or why there are none), or read here."""
    line: dict[str, Any] = {"image": _text(name)}
    try:
        if isinstance(given, str):
            raise UserError(given)
        image = read_image(name) if given is None else given
        faces = [_face(classifier, image, None, options, gallery)] if options.aligned else []
        if not options.aligned:
            found = classifier.detect(image, every=options.faces == "all")
            if not found:
                raise UserError(NO_FACE)
            best = best_face(found, image.shape)
            faces = [_face(classifier, image, detection, options, gallery) for detection in found]
            line |= faces[next(place for place, face in enumerate(found) if face is best)]
        else:
            line |= faces[0]
        if options.faces == "all":
            line["faces"] = faces
    except UserError as error:
        return {"image": line["image"], "error": str(error)}
    except Exception as error:  # one picture ends no run, whatever it does to the libraries
        return {"image": line["image"], "error": f"cannot be classified ({type(error).__name__}: {error})"}
    return line


def _face(
    classifier: Classifier,
    image: np.ndarray,
    detection: Detection | None,
    options: argparse.Namespace,
    gallery: Gallery | None,
) -> dict[str, Any]:
    """What is to say of one face; `detection` is None for a picture that is an aligned face."""
    aligned = image if detection is None else align(image, detection.landmarks, classifier.template)
    answer = classifier.run(classifier.view(aligned))
    quality = assess(aligned, None if detection is None else detection.landmarks)
    label = label_of(answer.probabilities, quality, options.min_confidence)
    face: dict[str, Any] = {"label": label, "confidence": max(answer.probabilities.values())}
    if detection is not None:
        box = [round(float(value), 1) for value in detection.box]
        face |= {"box": box, "detection": round(detection.confidence, 4)}
    face |= {"probabilities": answer.probabilities, "quality": str(quality)}
    if gallery is not None and answer.average_face is not None:
        face["average_face"] = _text(gallery.write(answer.average_face))
    return face


def _print(line: dict[str, Any]) -> bool:
    """Prints a line at once; True if it has no label to tell."""
    print(json.dumps(line), flush=True)
    return "error" in line


def _text(name: str) -> str:
    """A file's name as text that every reader of UTF-8 takes, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
