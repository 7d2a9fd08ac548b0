"""The training step in PyTorch, as its users would write it: what `benchmarks/train_step.py` is measured against.

The same networks, losses and updates as `ifgan_tf.training.step`, of the same shapes: eager, channels_last,
scaled_dot_product_attention, fused Adam. G and D run forward once a step, and gradients are asked of the weights
concerned alone, so that no work is done that the other side is spared. Metrics beyond the losses are left out. With the
same weights both give the same numbers: `benchmarks/step_parity.py` compares them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifgan_tf.config import Config

_SMALL_CNN_WIDTHS = (24, 48, 96, 192)
_RESNET101_BLOCKS = ((64, 3), (128, 4), (256, 23), (512, 3))
_RESNET_EPSILON = 1.001e-5  # of batch normalisation, as in the weights that Keras publishes
_MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet, 0..255


class SelfAttention(nn.Module):
    """`x + γ · attention(x)` (Fig. 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
        self.key = nn.Conv2d(channels, channels // 8, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )  # [B, N, C/8], [B, N, C/8], [B, N, C]
        # On the CPU the kernel that keeps nothing of size N² wants heads, and queries as wide as values.
        wider = values.shape[-1] - queries.shape[-1]
        queries, keys = F.pad(queries, (0, wider)), F.pad(keys, (0, wider))
        attended = F.scaled_dot_product_attention(queries[:, None], keys[:, None], values[:, None], scale=1.0)[:, 0]
        attended = attended.transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.gamma * self.output(attended.contiguous(memory_format=torch.channels_last))


class Generator(nn.Module):
    """G, the attention U-Net with transposed convolutions or resizing (Fig. 3)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model = config.model
        widths = [model.generator_width * factor for factor in (1, 2, 4, 8, 8)]
        self.first_skip = len(widths) - model.generator_skips
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = 3
        for level, width in enumerate(widths, start=1):
            layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1)]
            layers += [nn.BatchNorm2d(width)] if level > 1 else []
            layers += [nn.LeakyReLU(0.2, inplace=True)]
            layers += [SelfAttention(width)] if model.attention and level == 2 else []
            self.down.append(nn.Sequential(*layers))
            channels = width
        for level in range(4, 0, -1):
            width = widths[level - 1]
            layers = [*self._enlarge(channels, width, config), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers += [SelfAttention(width)] if model.attention and level == 2 else []
            self.up.append(nn.Sequential(*layers))
            channels = 2 * width if level >= self.first_skip else width
        self.skip = SelfAttention(widths[1]) if model.attention and self.first_skip <= 2 else nn.Identity()
        if model.generator_upsampling == "transposed":
            self.image = nn.Sequential(*self._enlarge(channels, 3, config), nn.Tanh())
        else:
            width = widths[0] // 2
            self.image = nn.Sequential(
                *self._enlarge(channels, width, config), nn.ReLU(inplace=True), nn.Conv2d(width, 3, 3, 1, 1), nn.Tanh()
            )

    @staticmethod
    def _enlarge(channels: int, width: int, config: Config) -> list[nn.Module]:
        if config.model.generator_upsampling == "transposed":
            return [nn.ConvTranspose2d(channels, width, 4, 2, 1)]
        return [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(channels, width, 3, 1, 1)]

    def forward(self, x: Tensor) -> Tensor:
        skips = {}
        for level, down in enumerate(self.down, start=1):
            x = skips[level] = down(x)
        skips[2] = self.skip(skips[2])
        for level, up in zip(range(4, 0, -1), self.up, strict=True):
            x = up(x)
            if level >= self.first_skip:
                x = torch.cat([x, skips[level]], 1)
        return self.image(x)


class Discriminator(nn.Sequential):
    """D, the 70x70 PatchGAN (§3.1)."""

    def __init__(self, config: Config) -> None:
        layers: list[nn.Module] = []
        channels = 6
        for number, (factor, stride) in enumerate(((1, 2), (2, 2), (4, 2), (8, 1)), start=1):
            width = config.model.discriminator_width * factor
            layers.append(nn.Conv2d(channels, width, 4, stride, 1))
            if number > 1 and config.model.discriminator_batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            channels = width
        super().__init__(*layers, nn.Conv2d(channels, 1, 4, 1, 1))


class Bottleneck(nn.Module):
    """A block of ResNet-101, its stride in the first convolution as in the weights that Keras publishes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride),
            nn.BatchNorm2d(width, _RESNET_EPSILON),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.BatchNorm2d(width, _RESNET_EPSILON),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 4 * width, 1),
            nn.BatchNorm2d(4 * width, _RESNET_EPSILON),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != 4 * width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride), nn.BatchNorm2d(4 * width, _RESNET_EPSILON)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x), inplace=True)


class Preprocess(nn.Module):
    """RGB in [-1, 1] → BGR with the mean removed; one image or two."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN_BGR)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        images = x.unflatten(1, (-1, 3)).flip(2)
        return ((images + 1.0) * 127.5 - self.mean).flatten(1, 2)


class Classifier(nn.Module):
    """E: ResNet-101, or the small network of the demo."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = {"pair": 6, "generated": 3}[config.model.classifier_input]
        layers: list[nn.Module] = []
        if config.model.backbone == "ResNet101":
            layers += [Preprocess(), nn.Conv2d(channels, 64, 7, 2, 3), nn.BatchNorm2d(64, _RESNET_EPSILON)]
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
            channels = 64
            for stage, (width, blocks) in enumerate(_RESNET101_BLOCKS):
                for block in range(blocks):
                    layers.append(Bottleneck(channels, width, 2 if stage and not block else 1))
                    channels = 4 * width
        else:
            for level, width in enumerate(_SMALL_CNN_WIDTHS, start=1):
                if level == 1:
                    layers += [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, width, 3, 2, bias=False)]
                else:
                    layers += [nn.Conv2d(channels, width, 3, 1, 1, bias=False)]
                layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                layers += [nn.MaxPool2d(2)] if level > 1 else []
                channels = width
        self.backbone = nn.Sequential(*layers)
        self.logits = nn.Linear(channels, len(config.data.class_names))
        self.width = channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        feature = self.backbone(x).mean((2, 3))
        return self.logits(feature), feature


class TorchTrainer:
    """G, D and E with their optimizers; calling it takes one step."""

    def __init__(self, config: Config, average_faces: Tensor) -> None:
        """Args:
        config: of the run.
        average_faces: float32 [classes, 3, S, S] in [-1, 1].
        """
        torch.manual_seed(config.run.seed)
        self.config = config
        self.G, self.D, self.E = Generator(config), Discriminator(config), Classifier(config)
        for network in (self.G, self.D, self.E):
            network.to(memory_format=torch.channels_last)
        self.average_faces = average_faces.to(memory_format=torch.channels_last)
        self.centres = torch.zeros(len(config.data.class_names), self.E.width)
        self.optimizer = self._adam([*self.G.parameters(), *self.E.parameters()])
        self.discriminator_optimizer = self._adam(list(self.D.parameters()))

    def _adam(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        settings = self.config.optimizer
        every = settings.weight_decay_scope == "all"
        decayed = [parameter for parameter in parameters if every or parameter.ndim > 1]
        others = [parameter for parameter in parameters if not every and parameter.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others}]
        return torch.optim.Adam(
            groups,
            lr=settings.learning_rate,
            betas=(settings.beta_1, settings.beta_2),
            fused=True,
        )

    def __call__(self, images: Tensor, labels: Tensor) -> float:
        """One update of G, D and E.

        Args:
          images: uint8 [B, S, S, 3].
          labels: int64 [B].
        Returns:
          The loss of Eq. 1.
        """
        terms, features = self.forward(images, labels)
        self.set_gradients(terms)
        self._move_centres(features.detach(), labels.repeat(2))
        self.optimizer.step()
        self.discriminator_optimizer.step()
        return self.total_loss(terms).item()

    def forward(self, images: Tensor, labels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The terms of Eq. 2 to 5, named as in `ifgan_tf.losses`, and E's features [2B, F]; arguments as of a call."""
        paired = self.config.model.classifier_input == "pair"
        photo = images.permute(0, 3, 1, 2).to(self.average_faces.dtype) / 127.5 - 1.0  # channels_last as it comes
        average = self.average_faces[labels]
        generated = self.G(photo)
        real, fake = self.D(torch.cat([photo, average], 1)), self.D(torch.cat([photo, generated], 1))

        real_tuples = torch.cat([photo, average], 1) if paired else self.average_faces
        fake_tuples = torch.cat([photo, generated], 1) if paired else generated
        logits, features = self.E(torch.cat([real_tuples, fake_tuples]))
        distinct = len(real_tuples)
        owners = torch.arange(len(labels)) if paired else labels
        chosen = torch.cat([owners, torch.arange(distinct, distinct + len(labels))])
        logits, features, both = logits[chosen], features[chosen], labels.repeat(2)
        centres = self._started(features.detach(), both)
        pairs = self.config.loss.island_alpha * self._pairs(centres)
        terms = {
            "gan_discriminator": F.softplus(-real).mean() + F.softplus(fake).mean(),
            "gan_generator": F.softplus(-fake).mean(),
            "l1": F.l1_loss(generated, average),
            "softmax": 2 * F.cross_entropy(logits, both),
            "island": (features - centres[both]).square().sum(1).mean() + pairs,
        }
        return terms, features

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """Eq. 1."""
        weights = self.config.loss
        return (
            weights.lambda_gan * terms["gan_generator"]
            + weights.lambda_l1 * terms["l1"]
            + weights.lambda_softmax * terms["softmax"]
            + weights.lambda_island * terms["island"]
        )

    def set_gradients(self, terms: dict[str, Tensor]) -> None:
        """Gives every parameter the gradient of what it minimises: Eq. 1 at G and E, -L_cGAN at D."""
        minimised = {self.optimizer: self.total_loss(terms), self.discriminator_optimizer: terms["gan_discriminator"]}
        for optimizer, loss in minimised.items():
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            gradients = torch.autograd.grad(loss, parameters, retain_graph=optimizer is self.optimizer)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient

    def _started(self, features: Tensor, labels: Tensor) -> Tensor:
        """The centres, those of classes that were not seen before at the mean of their images here."""
        members = F.one_hot(labels, len(self.centres)).to(features.dtype)
        means = members.T @ features / members.sum(0).clamp_min(1.0)[:, None]
        return torch.where((self.centres == 0).all(1, keepdim=True), means, self.centres)

    @staticmethod
    def _pairs(centres: Tensor) -> Tensor:
        unit = F.normalize(centres, dim=1)
        return ((unit @ unit.T + 1.0) * (1.0 - torch.eye(len(unit)))).sum()

    def _move_centres(self, features: Tensor, labels: Tensor) -> None:
        """The centre-loss rule with the island loss's pairwise gradient, as `ifgan_tf.losses.centre_step`."""
        weights, classes = self.config.loss, len(self.centres)
        centres = self._started(features, labels)
        members = F.one_hot(labels, classes).to(features.dtype)
        count = members.sum(0)[:, None]
        pull = (count * centres - members.T @ features) / (1.0 + count)
        norms = centres.norm(dim=1, keepdim=True)
        norms = norms.where(norms > 0, torch.inf)  # a centre that is still 0 is not pushed
        unit = centres / norms
        others = 1.0 - torch.eye(classes, dtype=features.dtype)
        push = (others @ unit - (others * (unit @ unit.T)).sum(1, keepdim=True) * unit) / norms
        self.centres = centres - weights.centre_rate * (pull + weights.island_alpha / (classes - 1) * push)
