"""Accuracies that the paper prints, in percent."""

from __future__ import annotations

# Table 1 (ten folds by subject) and Table 2 (RAF-DB's own split); numbers in brackets are the paper's references.
# APM [15], 74.04 in Table 1, is left out: the text at hand does not say of which of the posed sets.
PUBLISHED: dict[str, tuple[tuple[str, float], ...]] = {
    "bu_3dfe": (
        ("IA-gen [1]", 76.83),
        ("Lopes et al. [8]", 72.89),
        ("FERLrTc [14]", 82.89),
        ("DeRL [12]", 84.17),
        ("ResNet-101", 82.5),
        ("IF-GAN w/o attention", 84.25),
        ("IF-GAN", 85.25),
    ),
    "ck_plus": (
        ("Center Loss [21]", 92.25),
        ("Island Loss [5]", 94.39),
        ("IACNN [4]", 95.37),
        ("DLP-CNN [7]", 95.78),
        ("FN2EN [10]", 96.80),
        ("IA-gen [1]", 96.57),
        ("Lopes et al. [8]", 96.76),
        ("PPDN [6]", 97.3),
        ("DeRL [12]", 97.3),
        ("ResNet-101", 94.82),
        ("IF-GAN w/o attention", 95.79),
        ("IF-GAN", 97.52),
    ),
    "mmi": (
        ("Center Loss [21]", 73.40),
        ("Island Loss [5]", 74.68),
        ("IACNN [4]", 71.55),
        ("uGMM-MIK [18]", 73.2),
        ("DeRL [12]", 73.23),
        ("ResNet-101", 71.15),
        ("IF-GAN w/o attention", 73.56),
        ("IF-GAN", 75.48),
    ),
    "raf_db": (
        ("Island Loss [5]", 83.64),
        ("Center Loss [7]", 83.68),
        ("DLP-CNN [7]", 84.13),
        ("gACNN [17]", 85.07),
        ("APM [15]", 85.17),
        ("LDL-ALSG [13]", 85.53),
        ("IPA2LT(LTNet) [11]", 86.77),
        ("RAN [19]", 86.90),
        ("Covariance Pooling [9]", 87.00),
        ("SCN [20]", 88.14),
        ("ResNet-101", 86.31),
        ("IF-GAN w/o attention", 87.32),
        ("IF-GAN", 88.33),
    ),
}


def published(dataset: str) -> tuple[tuple[str, float], ...]:
    """The paper's rows for a data set (name, or name/configuration); empty for one it does not use."""
    return PUBLISHED.get(dataset.split("/")[0], ())


def source(dataset: str) -> str:
    """Which table of the paper the rows come from."""
    return "paper, Table 2" if dataset.split("/")[0] == "raf_db" else "paper, Table 1"
