"""Writes imitations of the data sets in their official layouts, full-size or small.

    python -m tests.datasets.imitations --dataset=ck_plus --output=DIR

Four of the five may not be passed on, and CREMA-D's videos are 2.44 GB, so the builders are tested and measured on
these: folders, names, sizes, codes, counts and oddities are the official ones, the people are rendered by
`synthetic_faces` and say nothing about recognition.
"""

from __future__ import annotations

import csv
import functools
import itertools
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from absl import flags

from datasets.bu_3dfe import layout as bu_3dfe
from datasets.ck_plus import layout as ck_plus
from datasets.crema_d import layout as crema_d
from datasets.crema_d import owner_tables
from datasets.mmi import sessions as mmi
from datasets.raf_db import layout as raf_db
from ifgan_tf import cli
from ifgan_tf.errors import UserError

# A face of a person showing an expression: uint8 RGB, square.
Face = Callable[[int, str], np.ndarray]

CK_PLUS_CODES = {name: code for code, name in ck_plus.CODES.items()} | {"contempt": ck_plus.CONTEMPT}
CK_PLUS_SEQUENCES = ck_plus.SEQUENCES | {"contempt": ck_plus.CONTEMPT_SEQUENCES}
CK_PLUS_UNLABELLED = 593 - sum(CK_PLUS_SEQUENCES.values())
MMI_CODES = {name: code for code, name in mmi.EMOTIONS.items()}
# 208 in all; the owners give no numbers a class.
MMI_SEQUENCES = {"anger": 32, "disgust": 32, "fear": 28, "happiness": 42, "sadness": 32, "surprise": 42}
RAF_DB_CODES = {name: code for code, name in raf_db.CODES.items()}
# CREMA-D's own tables, names, ages and ratings alone, from github.com/CheyneyComputerScience/CREMA-D; see the licence
# beside them (Open Database License 1.0).
CREMA_D_TABLES = pathlib.Path(__file__).parent / "crema_d_tables"
_CAST = (20, 1014, 1005, 8)  # whom a detector finds upright, whichever way their pictures are turned


def synthetic_face(person: int, expression: str) -> np.ndarray:
    """A synthetic face, from a small cast: rendering thousands would take hours."""
    return _drawn(_CAST[person % len(_CAST)], "neutral" if expression == "contempt" else expression)


@functools.cache
def _drawn(person: int, expression: str) -> np.ndarray:
    from datasets.synthetic_faces.expressions import still
    from datasets.synthetic_faces.picture import picture_of, take_picture

    # Posed: what the person does in a picture of the data set, but straight into the camera, with nothing in between.
    return picture_of(person, still(take_picture(person, expression, 3).performance.activations)).image


def write_bu_3dfe(
    root: pathlib.Path,
    subjects: int = bu_3dfe.SUBJECTS,
    intensities: Sequence[int] = bu_3dfe.ALL_INTENSITIES,
    extension: str = "bmp",
    face: Face = synthetic_face,
) -> None:
    """`BU_3DFE/F0001/F0001_AN03WH_F2D.bmp` and so on, 512x512; a texture atlas lies beside the first scan."""
    ethnicities = ("WH", "BL", "AE", "LA", "AM", "IN")
    women = round(subjects * 0.56)
    for person in range(subjects):
        subject = f"F{person + 1:04d}" if person < women else f"M{person - women + 1:04d}"
        for code, expression in bu_3dfe.CODES.items():
            for intensity in (0,) if code == "NE" else intensities:
                stem = f"{subject}_{code}{intensity:02d}{ethnicities[person % 6]}"
                image = place(face(person, expression), 512, 512, seed=(person, intensity, len(expression)))
                _write_image(root / "BU_3DFE" / subject / f"{stem}_F2D.{extension}", image)
        _write_image(root / "BU_3DFE" / subject / f"{stem}_F3D.{extension}", np.zeros((8, 16, 3), np.uint8))


def write_ck_plus(
    root: pathlib.Path,
    sequences: Mapping[str, int] = CK_PLUS_SEQUENCES,
    unlabelled: int = CK_PLUS_UNLABELLED,
    subjects: int = ck_plus.SUBJECTS,
    label_folder: str = "Emotion",
    face: Face = synthetic_face,
) -> None:
    """`cohn-kanade-images/` and the labels, 640x490, grey but for every tenth sequence, with gaps and junk files."""
    expressions = [name for name, number in sequences.items() for _ in range(number)] + [""] * unlabelled
    for index, expression in enumerate(expressions):
        subject, number = f"S{5 + index % subjects:03d}", f"{1 + index // subjects:03d}"
        folder = root / "cohn-kanade-images" / subject / number
        frames: tuple[int, ...] = (1, 2, 3, 5, 6, 8) if index % 7 == 0 else (1, 2, 3, 4, 5, 6)
        frames = frames if expression else frames[:2]
        for position, frame in enumerate(frames):
            person = face(index % subjects, expression if expression and position >= 3 else "neutral")
            image = place(person, 640, 490, seed=(index, frame))
            if index % 10:
                image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            _write_image(folder / f"{subject}_{number}_{frame:08d}.png", image)
        (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        labels = root / label_folder / subject / number
        labels.mkdir(parents=True, exist_ok=True)  # an empty folder where there is no label
        if expression:
            text = f"   {CK_PLUS_CODES[expression]:.7e}\n"
            (labels / f"{subject}_{number}_{frames[-1]:08d}_emotion.txt").write_text(text)
    junk = root / "__MACOSX" / "cohn-kanade-images" / "S005" / "001" / "._S005_001_00000001.png"
    junk.parent.mkdir(parents=True, exist_ok=True)
    junk.write_bytes(b"\0\5\x16\7")


def mmi_sequence(index: int, subjects: int = 31) -> str:
    """The name of a sequence of the MMI imitation."""
    return f"S{1 + index % subjects:03d}-{1 + index // subjects:03d}"


def mmi_view(index: int) -> str:
    """How a video of the MMI imitation has to be turned or cut, as `datasets.orientation` names it."""
    if index % 15 == 14:
        return "left upright" if index % 2 else "right upright"
    return "upright" if index % 10 == 9 else "clockwise"


def write_mmi(
    root: pathlib.Path,
    sequences: Mapping[str, int] = MMI_SEQUENCES,
    subjects: int = 31,
    frames: int = 12,
    face: Face = synthetic_face,
) -> None:
    """Sessions in two downloads: videos on their side, every tenth upright, every fifteenth of two cameras.

    Beside them sessions that a builder has to skip: a profile view, another emotion, none, still images.
    """
    expressions = [name for name, number in sequences.items() for _ in range(number)]
    for index, expression in enumerate(expressions):
        name, shown = mmi_sequence(index, subjects), mmi_view(index)
        both = shown.startswith(("left", "right"))
        folder = _mmi_session(root, index, name, MMI_CODES[expression], view=2 if both else 0)
        apex = (frames // 3, 2 * frames // 3) if index % 2 else (2, frames // 2 - 1)
        if index % 3 == 0:
            markers = "".join(f'<Marker Frame="{f + 1}" Type="{kind}"/>' for kind, f in enumerate((1, *apex), start=1))
            text = f'<Annotation><ActionUnit Number="12">{markers}</ActionUnit></Annotation>'
            (folder / f"{name}-oao_aucs.xml").write_text(text)
        else:
            apex = (frames // 3, 2 * frames // 3 + 1)
        pictures = []
        for frame in range(frames):
            person = face(index % subjects, expression if apex[0] <= frame < apex[1] else "neutral")
            if both:
                halves = [place(half, 360, 576, seed=(index,)) for half in (person, _turned_away(person))]
                pictures.append(np.hstack(halves if shown.startswith("left") else halves[::-1]))
            elif shown == "upright":
                pictures.append(place(person, 720, 576, seed=(index,)))
            else:
                pictures.append(np.rot90(place(person, 576, 720, seed=(index,))))
        write_video(folder / f"{name}.avi", pictures)
    number = itertools.count(len(expressions))
    still = [np.zeros((576, 720, 3), np.uint8)] * 2
    for name, code, view in (("S900-001", 1, 1), ("S900-002", 7, 0), ("S900-003", None, 0)):
        write_video(_mmi_session(root, next(number), name, code, view) / f"{name}.avi", still)
    _write_image(_mmi_session(root, next(number), "S900-004", 4, 0) / "S900-004.jpg", still[0])


def _mmi_session(root: pathlib.Path, index: int, name: str, code: int | None, view: int) -> pathlib.Path:
    download = root / f"mmi-facial-expression-database_download_2020-01-0{1 + index % 2}_12-00-00"
    folder = download / "Sessions" / str(100 + index)
    folder.mkdir(parents=True)
    header = '<?xml version="1.0" encoding="UTF-8"?>\n'
    track = f'<track type="Video" filename="{name}.avi" view="{view}"/>'
    (folder / "session.xml").write_text(f'{header}<session sessionId="{100 + index}">{track}</session>\n')
    emotion = "" if code is None else f'<Metatag Name="Emotion" Value="{code}"/>'
    (folder / f"{name}.xml").write_text(f'{header}<Metadata><Metatag Name="Subject" Value="1"/>{emotion}</Metadata>\n')
    return folder


def write_raf_db(
    root: pathlib.Path,
    counts: Mapping[str, Mapping[str, int]] = raf_db.EXPECTED,
    archive: bool = True,
    face: Face = synthetic_face,
) -> None:
    """`basic/` with the label list, attributes, and the aligned images, in `aligned.zip` or unpacked."""
    lines = []
    images: list[tuple[str, np.ndarray]] = []
    attributes = root / "basic" / "Annotation" / "manual"
    attributes.mkdir(parents=True)
    for split, digits in (("train", 5), ("test", 4)):
        expressions = [name for name, number in counts[split].items() for _ in range(number)]
        order = np.random.default_rng(7).permutation(len(expressions))  # classes are mixed in the official list
        for number, index in enumerate(order, start=1):
            name = f"{split}_{number:0{digits}d}"
            expression = expressions[index]
            lines.append(f"{name}.jpg {RAF_DB_CODES[expression]}")
            images.append((f"{name}_aligned.jpg", _small(face(int(index), expression), seed=(int(index), digits))))
            points = "".join(f"{x}.5\t{y}.25 \n" for x, y in ((38, 45), (62, 45), (50, 60), (40, 75), (60, 75)))
            (attributes / f"{name}_manu_attri.txt").write_text(f"{points}{index % 3}\n{index % 3}\n{index % 5} \n")
    labels = root / "basic" / "EmoLabel"
    labels.mkdir(parents=True)
    (labels / raf_db.LABEL_LIST).write_text("\n".join(lines) + "\n")
    if archive:
        (root / "basic" / "Image").mkdir()
        with zipfile.ZipFile(root / "basic" / "Image" / "aligned.zip", "w") as zip_file:
            for name, image in images:
                zip_file.writestr(f"aligned/{name}", _encode(image, ".jpg"))
    else:
        for name, image in images:
            _write_image(root / "basic" / "Image" / "aligned" / name, image)


@functools.cache
def crema_d_names() -> tuple[str, ...]:
    """The names of CREMA-D's 7,442 clips, in the owners' order."""
    with (CREMA_D_TABLES / owner_tables.CLIP_LIST).open(newline="") as table:
        return tuple(row["Filename"] for row in csv.DictReader(table))


def write_crema_d(
    root: pathlib.Path,
    names: Sequence[str] | None = None,
    frames: int = 12,
    extension: str = "flv",
    face: Face = synthetic_face,
) -> None:
    """`VideoFlash/1001_DFA_ANG_XX.flv` and so on, 480x360, at rest at both ends, and the tables of those clips.

    Every actor has a tint, every frame its place and light, and a clip's name is written in its corner: no two pictures
    are the same, nor are the faces in them.
    """
    names = crema_d_names() if names is None else names
    for index, name in enumerate(names):
        actor, _, emotion, _ = name.split("_")
        person = int(actor) - crema_d.ACTORS[0]
        tint = (1.0, *np.random.default_rng(person).uniform(0.85, 1.0, 2))
        clip = []
        for frame in range(frames):
            shown = frames // 6 <= frame < frames - frames // 6
            picture = place(face(person, crema_d.CODES[emotion] if shown else "neutral"), 480, 360, seed=(index, frame))
            picture = (picture * tint).astype(np.uint8)
            cv2.putText(picture, name, (4, 14), cv2.FONT_HERSHEY_PLAIN, 1, (255, 255, 255))
            clip.append(picture)
        write_video(root / "VideoFlash" / f"{name}.{extension}", clip)
    (root / "AudioMP3").mkdir()
    (root / "AudioMP3" / f"{names[0]}.mp3").write_bytes(b"ID3")
    (root / "processedResults").mkdir()
    for table, column in ((owner_tables.CLIP_LIST, 1), (owner_tables.RATINGS, 1), (owner_tables.DEMOGRAPHICS, 0)):
        with (CREMA_D_TABLES / pathlib.PurePath(table).name).open(newline="") as owners:
            header, *rows = csv.reader(owners)
        kept = {*names, *(name[:4] for name in names)}
        with (root / table).open("w", newline="") as copy:
            csv.writer(copy).writerows([header, *(row for row in rows if row[column] in kept)])


WRITERS: Mapping[str, Callable[[pathlib.Path], None]] = {
    "bu_3dfe": write_bu_3dfe,
    "ck_plus": write_ck_plus,
    "mmi": write_mmi,
    "raf_db": write_raf_db,
    "crema_d": write_crema_d,
}


def write_video(path: pathlib.Path, frames: Sequence[np.ndarray]) -> None:
    """A video of uint8 RGB frames, 25 a second: .avi (Motion JPEG), .flv (Sorenson H.263) or .mp4 (MPEG-4)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    # Flash video knows its codecs by number.
    codec = 2 if path.suffix == ".flv" else cv2.VideoWriter.fourcc(*{".avi": "MJPG", ".mp4": "mp4v"}[path.suffix])
    writer = cv2.VideoWriter(str(path), codec, 25, (width, height))
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def zip_folder(folder: pathlib.Path, archive: pathlib.Path) -> None:
    """Packs a folder, itself included; the archive may lie in it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    with zipfile.ZipFile(archive, "w") as zip_file:
        for path in paths:
            zip_file.write(path, path.relative_to(folder.parent).as_posix())


def place(face: np.ndarray, width: int, height: int, seed: Sequence[int]) -> np.ndarray:
    """A face on a canvas, at a slightly different place and brightness for each seed, its edge continued outward."""
    rng = np.random.default_rng(seed)
    side = round(0.85 * min(width, height))
    left = (width - side) // 2 + int(rng.integers(-8, 9))
    top = (height - side) // 2 + int(rng.integers(-8, 9))
    face = cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR)
    face = cv2.convertScaleAbs(face, alpha=float(rng.uniform(0.95, 1.0)))
    right, bottom = width - side - left, height - side - top
    return cv2.copyMakeBorder(face, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _small(face: np.ndarray, seed: Sequence[int]) -> np.ndarray:
    return cv2.resize(place(face, 120, 120, seed), (100, 100), interpolation=cv2.INTER_AREA)


def _turned_away(face: np.ndarray) -> np.ndarray:
    """Something like a head seen from the side: one half of the face foreshortened."""
    side = face.shape[0]
    near = cv2.resize(face[:, side // 2 :], (side * 3 // 4, side))
    far = cv2.resize(face[:, : side // 2], (side - side * 3 // 4, side))
    return np.hstack([far, near])


def _encode(image: np.ndarray, extension: str) -> bytes:
    if image.ndim == 3:
        image = image[..., ::-1]
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1] if extension == ".png" else []
    _, data = cv2.imencode(extension, np.ascontiguousarray(image), fast)
    return data.tobytes()


def _write_image(path: pathlib.Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encode(image, path.suffix))


def main(arguments: Sequence[str]) -> int:
    """Writes the full-size imitation that the flags name."""
    cli.only_flags(arguments)
    cli.required("dataset", "output")
    values = flags.FLAGS
    if values.dataset not in WRITERS:
        raise UserError(f"--dataset={values.dataset}: expected one of {', '.join(WRITERS)}")
    if pathlib.Path(values.output).exists():
        raise UserError(f"--output={values.output}: expected a folder that does not exist yet")
    WRITERS[values.dataset](pathlib.Path(values.output))
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("dataset", None, ", ".join(WRITERS))
    flags.DEFINE_string("output", None, "a folder that does not exist yet")
    cli.run(main, __doc__ or "")
