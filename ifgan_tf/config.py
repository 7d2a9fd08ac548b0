"""Every hyper-parameter, once: its meaning, its default and the section of the paper it comes from.

The dataclasses below are the only place where a setting is declared. The absl flags of `train.py` are made
from them (`define_flags`, `from_flags`), a run folder keeps them as `config.json` (`save`, `load`), and every
later command reads them from there.

The defaults are the paper's. Where the paper is silent the help text says what was decided.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absl import flags

from ifgan_tf import files, labels
from ifgan_tf.errors import UserError

DATASETS = ("bu_3dfe", "ck_plus", "mmi", "raf_db", "crema_d", "synthetic_faces")
# What --distortions may name; see ifgan_tf/data/distortions.py.
DISTORTIONS = (
    "affine",
    "wrinkles",
    "occlusion",
    "light",
    "colour",
    "grey",
    "filter",
    "blur",
    "resolution",
    "noise",
    "jpeg",
)
MAX_IMAGE_SIZE = 4096
SIZE_DIVISOR = 32  # the generator halves its input five times (Fig. 3)


@dataclass(frozen=True)
class Within:
    """The values that make sense for a number: `lowest` to `highest`, each included unless said otherwise."""

    lowest: float
    highest: float = math.inf
    above: bool = False
    below: bool = False
    zero: str = ""  # what 0 means, where it is more than a number

    def holds(self, value: float) -> bool:
        """Whether a value, not infinite and not NaN, lies within."""
        low = value > self.lowest if self.above else value >= self.lowest
        high = value < self.highest if self.below else value <= self.highest
        return math.isfinite(value) and low and high

    def __str__(self) -> str:
        if self.highest == math.inf:
            return f"a number above {self.lowest:.10g}" if self.above else f"at least {self.lowest:.10g}"
        zero = f" ({self.zero})" if self.zero else ""
        return f"{'above ' * self.above}{self.lowest:.10g}{zero} to {'below ' * self.below}{self.highest:.10g}"


def _setting(
    default: Any,
    meaning: str,
    paper: str = "",
    choices: tuple[str, ...] | None = None,
    within: Within | None = None,
    resumable: bool = False,
) -> Any:
    """A setting; a `resumable` one may differ when a run is gone on with, as it changes nothing of the method."""
    help_text = f"{meaning} (paper {paper})" if paper else meaning
    metadata = {"help": help_text, "choices": choices, "within": within, "resumable": resumable}
    return dataclasses.field(default=default, metadata=metadata)


_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
_SHARE = Within(0, 1)
_WEIGHT = Within(0)
_COUNT = Within(1)
_WIDTH, _DEPTH = Within(1, 2048), Within(1, 64)  # far above what any machine trains
# Settings that name a file or folder, but for these values: what a run begins with, and does not need to go on.
_BEGINNINGS = {"warm_start": {""}, "classifier_weights": {"imagenet", "none"}}


def _names(text: str) -> tuple[str, ...]:
    """What is between the commas of a list in a flag."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


@dataclass(frozen=True)
class DataConfig:
    """Which images are read and how they are shown to the networks."""

    dataset: str = _setting(
        "synthetic_faces",
        "Data set to train on: synthetic_faces, bu_3dfe, ck_plus, mmi, raf_db or crema_d; a builder configuration may "
        "follow after a slash, as in bu_3dfe/all_intensities.",
        "§4.1",
    )
    data_dir: str = _setting(
        "~/tensorflow_datasets", "Folder of built data sets (see python -m datasets.build).", resumable=True
    )
    manual_dir: str = _setting(
        "",
        "Folder of your unpacked copy of the data set; read only when it must be built. crema_d needs none.",
        resumable=True,
    )
    additional_data: str = _setting(
        "",
        "Other data sets to train on as well, separated by commas: all images of the posed ones, the training part of "
        "raf_db. Those that are not built in --data_dir are left out with a warning.",
        "§4.3",
    )
    classes: str = _setting(
        ",".join(labels.BASIC),
        "Expressions to tell apart: 6 (the basic ones), 7 (with neutral), or names separated by commas, for a data set "
        "that lacks some. Images of others are left out.",
        "§4.1",
    )
    fold_by: str = _setting(
        "subject",
        "What a fold never splits: subject (nobody tested was trained on), or recording (a closed set: everybody is in "
        "every part, with other recordings; for comparison with work that does so).",
        "§4.1",
        ("subject", "recording"),
    )
    validation: str = _setting(
        "held_out",
        "What chooses the epoch that counts: held_out (the best one on images held out of training: the next tenth of "
        "the subjects, of raf_db a tenth of the training images), or none (all of them are trained on, and the last "
        "epoch counts).",
        "§4.1",
        ("held_out", "none"),
    )
    image_size: int = _setting(224, "Side of the square image the networks see; a multiple of 32.", "§4.2")
    rotation: float = _setting(
        5.0, "Largest random rotation in training, in degrees either way.", "§4.2", within=Within(0, 180)
    )
    colour_jitter: float = _setting(
        0.0,
        "Random brightness, contrast and colour balance in training, as a fraction; 0 in the paper.",
        within=Within(0, 1, below=True),
    )
    distortions: str = _setting(
        "",
        "What training images go through besides, so that a model learns from rendered faces, or those of one studio, "
        f"what it needs for others: all, or names separated by commas of {', '.join(DISTORTIONS)}; none in the paper.",
    )
    min_intensity: int = _setting(
        1,
        "Weakest grade of an expression to learn from, 1 to 4, where the data grade it (synthetic_faces, "
        "bu_3dfe/all_intensities): a trace of it looks like a resting face. Validation and test keep all; not in the "
        "paper.",
        within=Within(1, labels.GRADES),
    )
    balanced_sampling: bool = _setting(
        False, "Draw every class equally often in training, with replacement; not in the paper."
    )

    @property
    def additional(self) -> tuple[str, ...]:
        """The names in `additional_data`."""
        return _names(self.additional_data)

    @property
    def distortion_names(self) -> tuple[str, ...]:
        """The names in `distortions`."""
        return DISTORTIONS if self.distortions == "all" else _names(self.distortions)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names in `classes`, in the vocabulary's order: label i of the run is the i-th of them."""
        return labels.classes(self.classes)


@dataclass(frozen=True)
class ModelConfig:
    """The three networks: generator G, discriminator D and classifier E."""

    classifier_input: str = _setting(
        "pair",
        "What E sees: pair (photo and average face, Eq. 4), generated (the average face alone: the identity-free "
        "one) or input (the photo alone: the baseline, without G and D).",
        "Eq. 4",
        ("pair", "generated", "input"),
    )
    backbone: str = _setting("ResNet101", "Backbone of E; see ifgan_tf/models/backbones.py.", "§4.3")
    classifier_weights: str = _setting(
        "imagenet", "Initial weights of the backbone: imagenet (downloaded once), none, or a weights file.", "§4.3"
    )
    warm_start: str = _setting(
        "",
        "Run folder of a baseline (--model=baseline) with the same folds, classes and backbone (of --classifier_input="
        "generated: that of G): what its E has learnt "
        "on photos is what E of a pair, and a backbone in G, begin with. Of several folds the one of the same number.",
        "§4.3",
    )
    standardise_colours: bool = _setting(
        False,
        "Bring every photo to the same mean and deviation in each colour before G's encoder and E see it, so that "
        "light and white balance tell nothing; not in the paper.",
    )
    attention: bool = _setting(
        True,
        "Three self-attention modules in G (two with --generator_encoder=backbone); --noattention leaves them out.",
        "Fig. 3",
    )
    generator_width: int = _setting(
        64, "Channels of G's first level; deeper levels have 2, 4, 8 and 8 times as many.", within=_WIDTH
    )
    generator_encoder: str = _setting(
        "unet",
        "What halves the photo in G: unet (Fig. 3), or backbone: a second --backbone with its own weights, those of "
        "--classifier_weights or --warm_start to begin with, so that G need not learn to see from nothing; not in the "
        "paper.",
        "Fig. 3",
        ("unet", "backbone"),
    )
    generator_backbone: str = _setting(
        "",
        "With --generator_encoder=backbone: which one, where it is to be another than E's; it then begins with "
        "--warm_start, or untrained.",
    )
    freeze_encoder: bool = _setting(
        False,
        "Keep the backbone in G as --warm_start made it, its batch statistics too, and train what comes after it: what "
        "it sees in faces unlike the training images is not unlearnt, and a step takes less time.",
    )
    generator_upsampling: str = _setting(
        "transposed",
        "How G enlarges: transposed (4x4 transposed convolution) or resize (bilinear resize, then a convolution: "
        "no checkerboard).",
        choices=("transposed", "resize"),
    )
    generator_convolutions: int = _setting(1, "Convolutions a level of G.", within=_DEPTH)
    generator_skips: int = _setting(
        4,
        "Skip connections of G, counted from the deepest: 4 is the full U-Net; 2 leaves out the two shallow ones, "
        "which let fine detail, and so identity, pass.",
        within=Within(0, 4),
    )
    targets: str = _setting(
        "label",
        "What G learns to draw: the average face of the photo's label, or, with intensity, that of its label and grade "
        "where the data grade it, so that the face also tells how strong the expression is; not in the paper.",
        "§4.3",
        ("label", "intensity"),
    )
    generator_span: bool = _setting(
        False,
        "Let G draw only mixtures of the average faces: its face then holds one number less than there are of them, "
        "and no detail of a person; not in the paper.",
    )
    discriminator_width: int = _setting(64, "Channels of D's first convolution.", "§3.1", within=_WIDTH)
    discriminator_batch_norm: bool = _setting(True, "Batch normalisation in D.")
    batch_norm_momentum: float = _setting(
        0.9,
        "Momentum of every moving average of batch normalisation (0.9 is the paper's framework's default).",
        within=Within(0, 1, below=True),
    )

    @property
    def encoder(self) -> str:
        """The backbone in G; empty where there is none."""
        return (self.generator_backbone or self.backbone) if self.generator_encoder == "backbone" else ""

    @property
    def sees_photos(self) -> str:
        """The backbone that is shown photos, which a baseline may lend what it has learnt; empty where there is none.

        E's own, unless E sees the generated face alone.
        """
        return self.encoder if self.classifier_input == "generated" else self.backbone


@dataclass(frozen=True)
class LossConfig:
    """The weights of Eq. 1 and the island loss of Eq. 5."""

    lambda_gan: float = _setting(1.0, "λ1, weight of Eq. 2, the adversarial loss.", "Eq. 1", within=_WEIGHT)
    lambda_l1: float = _setting(
        20.0, "λ2, weight of Eq. 3, the L1 distance to the average face.", "Eq. 1", within=_WEIGHT
    )
    lambda_softmax: float = _setting(10.0, "λ3, weight of Eq. 4, the expression loss.", "Eq. 1", within=_WEIGHT)
    lambda_island: float = _setting(1.0, "λ4, weight of Eq. 5, the island loss.", "Eq. 1", within=_WEIGHT)
    lambda_real: float = _setting(
        1.0,
        "Weight of the real tuples, the first term of Eq. 4, and of their features in Eq. 5. They hold the label's own "
        "average face, so they give the label away; 0 leaves them out.",
        "Eq. 4",
        within=_WEIGHT,
    )
    label_smoothing: float = _setting(
        0.0,
        "Share of the certainty in Eq. 4's labels that is spread evenly over all classes; 0 in the paper.",
        within=Within(0, 1, below=True),
    )
    class_weights: bool = _setting(
        False, "Weigh each image's expression loss by the rarity of its class in training; not in the paper."
    )
    island_alpha: float = _setting(0.03, "α, weight of the island loss's pairwise term.", "Eq. 5", within=_WEIGHT)
    island_reduction: str = _setting(
        "mean", "Island loss over a batch: mean, or sum as printed.", "Eq. 5", ("mean", "sum")
    )
    centre_update: str = _setting(
        "rule",
        "How the class centres are learnt: by the centre-loss rule, or by gradient.",
        "Eq. 5",
        ("rule", "gradient"),
    )
    centre_rate: float = _setting(0.5, "Rate of the centre-loss rule.", within=_SHARE)


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam, its schedule, and the length of training."""

    batch_size: int = _setting(50, "Images a step.", "§4.3", within=_COUNT)
    gradient_accumulation: int = _setting(
        1,
        "Parts of a batch that are computed one after the other, for memory that does not hold the whole; must divide "
        "--batch_size. Equal to the whole batch but for batch statistics, and for where the class centres start, which "
        "are of a part.",
        within=_COUNT,
    )
    epochs: int = _setting(100, "Passes over the training images.", "§4.3", within=_COUNT)
    learning_rate: float = _setting(
        1e-4, "Initial learning rate of Adam, for G, D and E alike.", "§4.3", within=Within(0, above=True)
    )
    learning_rate_schedule: str = _setting(
        "steps",
        "How the learning rate falls: steps (by --learning_rate_decay every --learning_rate_decay_epochs), or cosine "
        "(to 0 at the last step of --epochs, after it has risen for a twentieth of them; for short trainings).",
        "§4.3",
        ("steps", "cosine"),
    )
    learning_rate_decay: float = _setting(
        0.9, "Factor on the learning rate every few epochs.", "§4.3", within=Within(0, 1, above=True)
    )
    learning_rate_decay_epochs: int = _setting(10, "Epochs between two decays.", "§4.3", within=_COUNT)
    beta_1: float = _setting(0.9, "β1 of Adam.", "§4.3", within=Within(0, 1, below=True))
    beta_2: float = _setting(0.99, "β2 of Adam.", "§4.3", within=Within(0, 1, below=True))
    weight_decay: float = _setting(
        1e-4, "L2 penalty: this share of a parameter is added to its gradient.", "§4.3", within=_WEIGHT
    )
    weight_decay_scope: str = _setting(
        "all",
        "What the L2 penalty is on: all (every parameter, as in the Adam of the paper's framework), or kernels (not "
        "biases, batch normalisation and γ of attention).",
        "§4.3",
        ("all", "kernels"),
    )
    weight_average: float = _setting(
        0.0,
        "Use a moving average of G's and E's weights for validation and in checkpoints, which keeps this share of "
        "itself at a step; 0 uses the weights themselves, as in the paper.",
        within=Within(0, 1, below=True, zero="none"),
    )


@dataclass(frozen=True)
class RunConfig:
    """How the run is carried out; none of this changes the method."""

    fold: int = _setting(0, "Which fold is the test set, 0 to 9 (raf_db has its own split).", "§4.1")
    seed: int = _setting(0, "Seed of initial weights, shuffling and augmentation.", within=Within(0, 2**32 - 1))
    mixed_precision: bool = _setting(False, "Compute in bfloat16, keep weights in float32.")
    jit_compile: bool = _setting(False, "Compile the training step with XLA.")
    steps_per_execution: int = _setting(
        1,
        "Steps that TensorFlow takes in one call: the same training, without Python between them, which costs about a "
        "millisecond a step; worth it where a step is short. Checkpoints and Ctrl-C wait for the end of a call.",
        within=_COUNT,
        resumable=True,
    )
    strategy: str = _setting(
        "one",
        "Which devices train together, each with its part of every batch: one, mirrored (all GPUs of this machine), or "
        "multi_worker (those of several machines: the same command on each, TF_CONFIG as TensorFlow documents it, and "
        "a --workdir and a --data_dir that all of them see). The result is that of one device with this --batch_size.",
        choices=("one", "mirrored", "multi_worker"),
        resumable=True,
    )
    cache_gb: float = _setting(
        0.0,
        "Memory for images, in gigabytes (10^9 bytes); 0 is half of the machine's. Those of data sets that do not fit "
        "are decoded once into a file beside the built data set in --data_dir, and read from there.",
        within=_WEIGHT,
        resumable=True,
    )
    checkpoint_minutes: float = _setting(
        10.0,
        "Minutes between two checkpoints inside an epoch; one is written at the end of every epoch in any case.",
        within=Within(0, above=True),
        resumable=True,
    )
    nan: str = _setting(
        "stop",
        "At a loss or a weight that is not finite: stop, or rewind: go back to the last checkpoint and on with half "
        "the learning rate, three times a run at most.",
        choices=("stop", "rewind"),
        resumable=True,
    )
    recompute: bool = _setting(
        False,
        "Compute E's feature maps once more when the gradient needs them, instead of keeping them: less memory, more "
        "time, the same training.",
        resumable=True,
    )
    deterministic: bool = _setting(
        False,
        "Let TensorFlow use only operations that give the same bits every time, on a GPU too, where that costs speed: "
        "two runs of one seed on one machine are then equal. On a CPU they are anyway.",
    )

    @property
    def precision(self) -> str:
        """What the networks compute in (see `ifgan_tf.models.construction`)."""
        return "mixed_bfloat16" if self.mixed_precision else "float32"


@dataclass(frozen=True)
class Config:
    """The whole configuration of one run."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        """Checks every value, whether it comes from a flag or from a file.

        Raises:
          UserError: naming the flag, what was expected and what to do.
        """
        for name, section in sections().items():
            for field in dataclasses.fields(section):
                _check(field, getattr(getattr(self, name), field.name))
        size = self.data.image_size
        if size <= 0 or size % SIZE_DIVISOR:
            raise UserError(
                f"--image_size={size}: expected a positive multiple of {SIZE_DIVISOR}, because the generator halves "
                f"its input five times; try {max(SIZE_DIVISOR, round(size / SIZE_DIVISOR) * SIZE_DIVISOR)}"
            )
        batch, parts = self.optimizer.batch_size, self.optimizer.gradient_accumulation
        if batch % parts:
            raise UserError(f"--gradient_accumulation={parts}: expected a divisor of --batch_size={batch}")
        if size > MAX_IMAGE_SIZE:
            raise UserError(f"--image_size={size}: expected {MAX_IMAGE_SIZE} at most")
        labels.classes(self.data.classes)
        for name in self.data.distortion_names:
            if name not in DISTORTIONS:
                raise UserError(f"--distortions={name}: expected all, or some of {', '.join(DISTORTIONS)}")
        for name in self.data.additional:
            if name.partition("/")[0] not in DATASETS:
                raise UserError(f"--additional_data={name}: expected some of {', '.join(DATASETS)}")
            if name.partition("/")[0] == self.data.dataset.partition("/")[0]:
                raise UserError(
                    f"--additional_data={name}: that is --dataset itself, whose test images must stay unseen"
                )


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    kind, choices, within = type(field.default), field.metadata["choices"], field.metadata["within"]
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise UserError(f"--{field.name}={value!r}: expected {_KINDS[kind]}")
    if choices and value not in choices:
        raise UserError(f"--{field.name}={value}: expected {' or '.join(choices)}")
    if within is not None and not within.holds(value):
        raise UserError(f"--{field.name}={value}: expected {within}")


def without_initial_weights(model: ModelConfig) -> ModelConfig:
    """The same settings for networks whose weights come from elsewhere: nothing is read or downloaded for them."""
    return dataclasses.replace(model, classifier_weights="none")


def sections() -> dict[str, Any]:
    """Name and dataclass of every section of `Config`."""
    return {field.name: field.default_factory for field in dataclasses.fields(Config)}


def define_flags() -> None:
    """Makes one absl flag of every setting; `--fold` is left to the entry point, which also takes `all`."""
    definers = {int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_bool}
    for section in sections().values():
        for field in dataclasses.fields(section):
            if field.name == "fold":
                continue
            help_text, choices = field.metadata["help"], field.metadata["choices"]
            if choices:
                flags.DEFINE_enum(field.name, field.default, choices, help_text)
            else:
                definers[type(field.default)](field.name, field.default, help_text)
    flags.DEFINE_alias("num_classes", "classes")


def from_flags(values: flags.FlagValues, fold: int) -> Config:
    """The configuration that parsed flags describe, for one fold.

    Raises:
      UserError: see `Config.__post_init__`.
    """
    tree = {}
    for name, section in sections().items():
        settings = {f.name: values[f.name].value for f in dataclasses.fields(section) if f.name != "fold"}
        if name == "run":
            settings["fold"] = fold
        if name == "data":
            settings["data_dir"] = _absolute("data_dir", settings["data_dir"])
            settings["classes"] = ",".join(labels.classes(settings["classes"]))
        if name == "model" and settings["warm_start"]:
            settings["warm_start"] = _absolute("warm_start", settings["warm_start"])
        tree[name] = section(**settings)
    return Config(**tree)


def _absolute(flag: str, name: str) -> str:
    folder = os.path.expanduser(name)  # noqa: PTH111 (Path raises where there is no home folder)
    if folder.startswith("~"):
        raise UserError(f"--{flag}={name}: this user has no home folder; give another one")
    return str(Path(folder).absolute())


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """The configuration as nested plain values, section by section."""
    return dataclasses.asdict(config)


def save(config: Config, path: Path) -> None:
    """Writes `config` as JSON, beside first and then renamed."""
    files.write_text(path, json.dumps(to_dict(config), indent=2) + "\n")


def load(path: Path) -> Config:
    """Reads what `save` wrote.

    Raises:
      UserError: when the file is missing, is not JSON, or has settings this version does not know.
    """
    try:
        tree = files.read_json(path)
        if "num_classes" in tree["data"]:  # of runs made when there were 6 or 7 and no names
            tree["data"]["classes"] = ",".join(labels.classes(str(tree["data"].pop("num_classes"))))
        tree["optimizer"].setdefault("weight_decay_scope", "kernels")  # of runs made when there was no other
        return Config(**{name: section(**tree[name]) for name, section in sections().items()})
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected a run folder made by train.py --workdir=…") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError) as error:
        raise UserError(
            f"{path}: not a configuration of this version ({error}); train again into a new --workdir"
        ) from None


def differences(old: Config, new: Config) -> list[str]:
    """Flags whose values differ, as `--flag: old -> new`; those that are no part of the method are left out.

    So is where a file lies that a run began with: it may have been moved, and is read no more.
    """
    lines = []
    for name, section in sections().items():
        for field in dataclasses.fields(section):
            value, other = (getattr(getattr(config, name), field.name) for config in (old, new))
            moved = field.name in _BEGINNINGS and not {value, other} & _BEGINNINGS[field.name]
            if value != other and not (field.metadata["resumable"] or moved):
                lines.append(f"--{field.name}: {value} -> {other}")
    return lines
