"""Every weight of ours beside the same one of `benchmarks/train_step_torch.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
from torch import Tensor, nn

from benchmarks.train_step_torch import Bottleneck, SelfAttention, TorchTrainer
from ifgan_tf.models.networks import Networks


class Pair(NamedTuple):
    """A weight here and there.

    Attributes:
      name: path of the Keras variable.
      variable: of Keras.
      tensor: of PyTorch.
      scale: name of the weight whose gradient's norm a difference is divided by.
    """

    name: str
    variable: keras.Variable
    tensor: Tensor
    scale: str

    def as_torch(self, value: np.ndarray) -> np.ndarray:
        """A value of the variable in the tensor's layout: [h, w, in, out] → [out, in, h, w], [in, out] → [out, in]."""
        return np.asarray(value).transpose({4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim))


def paired(networks: Networks, twin: TorchTrainer) -> Iterator[Pair]:
    """Every weight of G, D and E, moving averages too.

    Args:
      networks: G of one transposed convolution a level, D, and E on SmallCNN or ResNet101.
      twin: of the same configuration.
    """
    parts = {
        "generator": _generator(networks.generator, twin.G),
        "discriminator": _convolutions(networks.discriminator, [*(f"conv{n}" for n in range(1, 5)), "logits"], twin.D),
        "classifier": _classifier(networks.classifier, twin.E),
    }
    for network, pairs in parts.items():
        for pair in pairs:
            yield pair._replace(name=f"{network}/{pair.name}", scale=f"{network}/{pair.scale}")


def _generator(G: keras.Model, module: nn.Module) -> Iterator[Pair]:
    for level, block in enumerate(module.down, start=1):
        yield from _convolutions(G, [f"down{level}"], block)
    for level, block in zip(range(len(module.up), 0, -1), module.up, strict=True):
        yield from _convolutions(G, [f"up{level}"], block)
    yield from _convolutions(G, ["image"], module.image)
    attention = {"encoder": module.down[1][-1], "skip": module.skip, "decoder": module.up[2][-1]}
    for place, part in attention.items():
        if isinstance(part, SelfAttention):
            yield from _attention(G.get_layer(f"attention_{place}"), part)


def _classifier(E: keras.Model, module: nn.Module) -> Iterator[Pair]:
    yield from _backbone(next(layer for layer in E.layers if isinstance(layer, keras.Model)), module.backbone)
    yield from _layer(E.get_layer("logits"), module.logits)


def _backbone(backbone: keras.Model, module: nn.Sequential) -> Iterator[Pair]:
    blocks = [part for part in module if isinstance(part, Bottleneck)]
    if not blocks:
        yield from _convolutions(backbone, [f"conv{level}" for level in range(1, 5)], module)
        return
    yield from _convolutions(backbone, ["conv1_conv"], [part for part in module if part not in blocks])
    stage, number = 1, 0
    for block in blocks:
        first = isinstance(block.shortcut, nn.Sequential)  # of a stage
        stage, number = (stage + 1, 1) if first else (stage, number + 1)
        name = f"conv{stage}_block{number}"
        yield from _convolutions(backbone, [f"{name}_{place}_conv" for place in (1, 2, 3)], block.body)
        if first:
            yield from _convolutions(backbone, [f"{name}_0_conv"], block.shortcut)


def _convolutions(model: keras.Model, names: Sequence[str], modules: Sequence[nn.Module]) -> Iterator[Pair]:
    """Convolutions in the order of the modules; where batch normalisation follows there, it does so here."""
    remaining = iter(names)
    for module, following in zip(modules, [*[*modules][1:], None], strict=True):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            name, normalised = next(remaining), isinstance(following, nn.BatchNorm2d)
            yield from _layer(model.get_layer(name), module, changes_nothing=normalised)
            if normalised:
                yield from _normalisation(model.get_layer(_norm_of(name)), following)
    assert next(remaining, None) is None, names


def _norm_of(convolution: str) -> str:
    """Its name: down2 → down2_norm, conv2 → norm2, conv2_block1_0_conv → conv2_block1_0_bn."""
    if convolution.endswith("_conv"):
        return convolution.removesuffix("conv") + "bn"
    return convolution.replace("conv", "norm") if convolution.startswith("conv") else f"{convolution}_norm"


def _layer(layer: keras.layers.Layer, module: nn.Module, changes_nothing: bool = False) -> Iterator[Pair]:
    """Kernel and bias; `changes_nothing`: the bias."""
    yield Pair(layer.kernel.path, layer.kernel, module.weight, layer.kernel.path)
    if layer.bias is not None:
        scale = layer.kernel if changes_nothing else layer.bias
        yield Pair(layer.bias.path, layer.bias, module.bias, scale.path)


def _normalisation(layer: keras.layers.Layer, module: nn.BatchNorm2d) -> Iterator[Pair]:
    weights = [
        (layer.gamma, module.weight),
        (layer.beta, module.bias),
        (layer.moving_mean, module.running_mean),
        (layer.moving_variance, module.running_var),
    ]
    for variable, tensor in weights:
        yield Pair(variable.path, variable, tensor, variable.path)


def _attention(layer: keras.layers.Layer, module: SelfAttention) -> Iterator[Pair]:
    yield from _layer(layer.query, module.query)
    yield from _layer(layer.key, module.key, changes_nothing=True)  # adds the same to a whole row before the softmax
    yield from _layer(layer.value, module.value)
    yield from _layer(layer.output_projection, module.output)
    yield Pair(layer.gamma.path, layer.gamma, module.gamma, layer.gamma.path)
