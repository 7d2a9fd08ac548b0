"""What native code writes on standard error, past Python's logging, kept from people who can do nothing about it."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import ModuleType


@contextlib.contextmanager
def native_silence() -> Iterator[None]:
    """Keeps what native code says, until an exception makes it news."""
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def at_import_of_tensorflow() -> None:
    """Makes TF_CPP_MIN_LOG_LEVEL=3 mean what it says: TensorFlow reads it after its first lines. Imports nothing."""
    if "tensorflow" not in sys.modules and not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as it would be found, with a loader that is silent if it is asked to be."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tensorflow" or os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") < "3":
            return None
        # Libraries also ask whether there is a TensorFlow, and do not import it: this is not used up by being asked.
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def silently(module: ModuleType) -> None:
                with native_silence():
                    load(module)

            spec.loader.exec_module = silently  # type: ignore[method-assign]
        return spec
