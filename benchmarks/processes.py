"""What measurements share: what they measure, where, and a process of its own for those that must inherit nothing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
from typing import Any

from absl import flags

from ifgan_tf import config as config_lib
from ifgan_tf.config import Config


def measure(module: str, *arguments: str) -> dict[str, Any]:
    """Runs `python -m MODULE ARGUMENTS` and reads the JSON in its last line.

    Raises:
      subprocess.CalledProcessError: when it fails.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


def described_networks() -> Config:
    """The configuration that the flags describe, with new weights: time does not depend on what they have learnt."""
    return config_lib.without_initial_weights(config_lib.from_flags(flags.FLAGS, fold=0))


def peak_memory() -> float:
    """Gigabytes that this process has needed at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def machine(*packages: str) -> str:
    """Processor, cores, memory, and versions of what was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = []
    for package in ("tensorflow", "keras", *packages):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB; {', '.join(versions)}"
