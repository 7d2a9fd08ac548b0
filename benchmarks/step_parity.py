"""The training step against PyTorch's, number by number: same weights, same images, same terms, gradients and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from absl import flags

from benchmarks.processes import described_networks, machine, new_trainer, refuse_what_torch_lacks
from benchmarks.train_step import data
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.errors import UserError

if TYPE_CHECKING:
    from ifgan_tf.training.step import Trainer

USAGE = """
Copies new weights into the networks of benchmarks/train_step_torch.py, shows both sides the same images, and compares
every loss term, every parameter's gradient, and after one whole step every parameter, moving average and centre. What
would hide a fault at its first value (γ of attention, centres, biases) is moved from there. The flags describe the
configuration (defaults: the paper's, E from scratch).

    python -m benchmarks.step_parity --batch_size=2 --image_size=64 --float64
    python -m benchmarks.step_parity --batch_size=2 --float64

--float64 computes in float64 on both sides. In float32 a ResNet-101 that has learnt nothing, on two images, makes of
rounding errors differences of a few per cent: batch normalisation over a handful of values amplifies them by the layer,
and each ReLU that falls on the other side of zero is a jump of the gradient.

A gradient's difference is its norm divided by the gradient's. A bias that changes nothing (before batch normalisation,
or of attention's keys) has a gradient of rounding errors alone: its difference is divided by the norm of its kernel's.
Adam's first step is the learning rate times the gradient's sign, so where the gradient is as small as rounding, its
sign is chance: steps are compared where it is 100 times the difference of the two sides, and above 5e-5 (below, Adam's
ε shows, which PyTorch adds after its bias correction and Keras before). Exits with 1 beyond a limit.
"""

TERMS, GRADIENTS, STEPS, STATES = 1e-4, 1e-3, 1e-2, 1e-3  # limits; steps in learning rates, the others relative
_ADAMS_EPSILON_SHOWS = 5e-5


class Parity(NamedTuple):
    """How far apart the two sides are, by name.

    Attributes:
      terms: relative difference of every loss term.
      gradients: of every parameter; `overall` the one of all as one vector.
      steps: largest difference of a parameter's first step, in learning rates.
      compared: share of all parameters whose steps were compared.
      states: relative difference of moving averages and centres after the step.
    """

    terms: dict[str, float]
    gradients: dict[str, float]
    overall: float
    steps: dict[str, float]
    compared: float
    states: dict[str, float]

    def beyond(self) -> list[str]:
        """What is beyond its limit."""
        limits = ((self.terms, TERMS), (self.gradients, GRADIENTS), (self.steps, STEPS), (self.states, STATES))
        far = [f"{name}: {value:.1e}" for values, limit in limits for name, value in values.items() if value > limit]
        return far + [f"overall: {self.overall:.1e}"] * (self.overall > GRADIENTS)


def compare(config: Config, double: bool = False) -> Parity:
    """One batch through both sides.

    Args:
      config: of networks that `benchmarks.paired_weights` knows.
      double: compute in float64.
    """
    if not double:
        return _compare(config, np.float32)
    from benchmarks.double_precision import float64

    with float64():
        return _compare(config, np.float64)


def _compare(config: Config, dtype: type[np.floating[Any]]) -> Parity:
    import tensorflow as tf
    import torch

    from benchmarks.paired_weights import paired
    from benchmarks.train_step_torch import TorchTrainer

    images, labels, average_faces = data(config)
    average_faces = average_faces.astype(dtype)
    trainer = new_trainer(config, tf.constant(average_faces))
    trainer.centres.variable = tf.Variable(_settle(trainer), dtype=dtype)
    twin = TorchTrainer(config, torch.from_numpy(average_faces.transpose(0, 3, 1, 2)))
    pairs = list(paired(trainer.networks, twin))
    with torch.no_grad():
        for pair in pairs:
            pair.tensor.copy_(torch.from_numpy(pair.as_torch(pair.variable.numpy())))
        twin.centres.copy_(torch.from_numpy(trainer.centres.variable.numpy()))

    our_terms, our_gradients = _ours(trainer, images, labels)
    their_terms, _ = twin.forward(torch.from_numpy(images), torch.from_numpy(labels).long())
    twin.set_gradients(their_terms)
    terms = {name: relative(our_terms[name], their_terms[name].detach().numpy()) for name in their_terms}
    trained = [pair for pair in pairs if pair.tensor.requires_grad]
    ours = {pair.name: pair.as_torch(our_gradients[id(pair.variable)]) for pair in trained}
    theirs = {pair.name: pair.tensor.grad.numpy().copy() for pair in trained}
    gradients = {
        pair.name: float(np.linalg.norm(ours[pair.name] - theirs[pair.name]) / np.linalg.norm(theirs[pair.scale]))
        for pair in trained
    }
    overall = relative(_vector(ours), _vector(theirs))

    before = {pair.name: pair.tensor.detach().numpy().copy() for pair in trained}
    trainer.step(tf.constant(images), tf.constant(labels))
    twin(torch.from_numpy(images), torch.from_numpy(labels).long())
    steps, compared = {}, 0
    everything = config.optimizer.weight_decay_scope == "all"
    for pair in trained:
        decay = config.optimizer.weight_decay if everything or pair.tensor.ndim > 1 else 0.0
        noise = np.sqrt(np.mean((ours[pair.name] - theirs[pair.name]) ** 2))
        decayed = np.abs(theirs[pair.name] + decay * before[pair.name])
        sure = (decayed > 100 * noise) & (decayed > _ADAMS_EPSILON_SHOWS)
        apart = np.abs(pair.as_torch(pair.variable.numpy()) - pair.tensor.detach().numpy())[sure]
        steps[pair.name] = float(apart.max(initial=0.0)) / config.optimizer.learning_rate
        compared += int(sure.sum())
    states = {
        pair.name: relative(pair.variable.numpy(), pair.tensor.numpy())
        for pair in pairs
        if not pair.tensor.requires_grad
    }
    states["centres"] = relative(trainer.centres.variable.numpy(), twin.centres.numpy())
    return Parity(terms, gradients, overall, steps, compared / len(_vector(theirs)), states)


def relative(one: Any, other: np.ndarray) -> float:
    """‖one - other‖ / ‖other‖."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def _settle(trainer: Trainer) -> np.ndarray:
    """Moves weights that start at 0 or 1 and would hide a fault there; returns centres for every other class.

    What a block of ResNet-101 adds is damped to a tenth, as in one that has learnt: an untrained one multiplies a
    rounding error by 1e7 from its input to its feature, and by more again on the way back.
    """
    generator = np.random.default_rng(1)
    for model in trainer.networks:
        for weight in model.weights if model else []:
            if weight.name == "gamma" and not weight.shape:
                weight.assign(0.5)  # of attention
            elif weight.path.endswith("_3_bn/gamma"):
                weight.assign(generator.uniform(0.05, 0.15, weight.shape))
            elif weight.name in ("gamma", "beta", "bias"):
                weight.assign(weight + generator.normal(0, 0.1, weight.shape))
    centres = generator.normal(0, 0.5, trainer.centres.variable.shape)
    centres[::2] = 0.0  # these have not started yet
    return centres


def _ours(
    trainer: Trainer, images: np.ndarray, labels: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[int, np.ndarray]]:
    """Our terms, and the gradient of every parameter by its variable's id."""
    import tensorflow as tf

    from ifgan_tf import losses

    ours, theirs = trainer.generator_and_classifier_variables, trainer.discriminator_variables

    @tf.function
    def terms_and_gradients() -> tuple[losses.Terms, list[tf.Tensor]]:
        with tf.GradientTape(persistent=True) as tape:
            terms, _, _ = trainer.forward(tf.constant(images), tf.constant(labels))
            loss = losses.total_loss(terms, trainer.loss)
        against = tape.gradient(terms["gan_discriminator"], [variable.value for variable in theirs])
        return terms, tape.gradient(loss, [variable.value for variable in ours]) + against

    terms, gradients = terms_and_gradients()
    named = {id(variable): gradient.numpy() for variable, gradient in zip(ours + theirs, gradients, strict=True)}
    return {name: term.numpy() for name, term in terms.items()}, named


def _vector(values: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([value.ravel() for value in values.values()])


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    config = described_networks()
    refuse_what_torch_lacks(config)
    if config.model.generator_upsampling != "transposed":
        raise UserError("--generator_upsampling=resize: its weights are not paired here; pass transposed")
    parity = compare(config, flags.FLAGS.float64)
    print(machine("torch") + f"; {config.data.image_size} pixels, batch {config.optimizer.batch_size}")
    for name, value in parity.terms.items():
        print(f"term {name:18} {value:.1e} (limit {TERMS})")
    print(f"gradients, all         {parity.overall:.1e} (limit {GRADIENTS})")
    for kind, values, limit in (
        ("gradient", parity.gradients, GRADIENTS),
        ("step", parity.steps, STEPS),
        ("state", parity.states, STATES),
    ):
        name = max(values, key=values.__getitem__)
        print(
            f"{kind}s: {len(values)}, median {np.median(list(values.values())):.1e}, worst {values[name]:.1e} {name} "
            f"(limit {limit})"
        )
    print(f"steps compared: {100 * parity.compared:.1f} % of all parameters")
    beyond = parity.beyond()
    print(f"{len(beyond)} beyond a limit" + "".join(f"\n  {line}" for line in beyond[:20]))
    return 1 if beyond else 0


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_bool("float64", False, "Compute in float64 on both sides.")
    cli.run(main, USAGE)
