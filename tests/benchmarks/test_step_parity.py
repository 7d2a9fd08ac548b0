"""Our training step and PyTorch's: the same numbers of the same weights."""

from __future__ import annotations

import pytest
from tiny import changed, tiny_config

from benchmarks.step_parity import GRADIENTS, STATES, TERMS, Parity, compare
from ifgan_tf.config import Config


def test_what_is_beyond_its_limit_is_named():
    near = Parity(
        {"l1": TERMS / 2}, {"kernel": GRADIENTS / 2}, GRADIENTS / 2, {"kernel": 0.0}, 0.9, {"mean": STATES / 2}
    )
    assert near.beyond() == []
    far = near._replace(terms={"l1": 2 * TERMS}, overall=2 * GRADIENTS, states={"mean": 2 * STATES})
    assert [line.partition(":")[0] for line in far.beyond()] == ["l1", "mean", "overall"]


@pytest.mark.parametrize(
    "settings",
    [
        {"classifier_input": "pair"},
        {"classifier_input": "generated", "generator_skips": 2, "discriminator_batch_norm": False},
        {"classifier_input": "pair", "attention": False, "weight_decay_scope": "kernels", "weight_decay": 0.1},
    ],
    ids=lambda settings: ",".join(settings),
)
def test_small_networks_agree(settings):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'ifgan_tf[benchmark]'")
    parity = compare(tiny_config(batch_size=3, **settings))
    assert parity.beyond() == []
    assert parity.compared > 0.5


def test_a_fault_of_one_term_shows(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'ifgan_tf[benchmark]'")
    from benchmarks.train_step_torch import TorchTrainer

    monkeypatch.setattr(TorchTrainer, "_pairs", staticmethod(lambda centres: torch.zeros(())))
    beyond = compare(tiny_config(batch_size=3, classifier_input="pair", attention=False)).beyond()
    assert [line.partition(":")[0] for line in beyond] == ["island"]


@pytest.mark.slow
def test_the_papers_networks_agree_at_64_pixels():
    """In float64: in float32 the rounding errors of some small tensors of D are as large as the limit."""
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'ifgan_tf[benchmark]'")
    parity = compare(changed(Config(), image_size=64, classifier_weights="none", batch_size=2), double=True)
    assert parity.beyond() == []
