"""What every entry point shares: flags in, one clear error out, exit code 2 for what the user can mend."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence

from absl import flags

from ifgan_tf.errors import UserError

USAGE_ERROR = 2


def run(main: Callable[[Sequence[str]], int | None], usage: str) -> None:
    """Parses the command line, runs `main(positional arguments)` and exits with its code.

    A flag that does not parse, or a `UserError` from `main`, is printed as one line on standard error and
    exits with code 2. `--help` prints `usage` and the flags, and exits with 0.

    Args:
      main: takes the arguments left over by the flags (without the program's name).
      usage: the text that `--help` opens with.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for library in ("absl", "tensorflow"):  # their own progress is no news to the user
        logging.getLogger(library).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow leaves oneDNN off on some processors, where it trains 1.6 times as fast all the same.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if any(argument in ("--help", "-help", "-h", "--helpfull") for argument in sys.argv[1:]):
        print(usage.strip() + "\n\nFlags:\n" + _flag_help())
        sys.exit(0)
    try:
        arguments = flags.FLAGS(sys.argv)[1:]
        code = main(arguments)
    except (flags.Error, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = USAGE_ERROR
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        print(
            f"error: {error.filename or 'writing'}: {error.strerror}; free some space or choose another folder, then "
            f"repeat the command: what was finished is kept",
            file=sys.stderr,
        )
        code = USAGE_ERROR
    except KeyboardInterrupt:
        print("interrupted: what was finished is kept; the same command goes on from there", file=sys.stderr)
        code = 130
    sys.exit(code or 0)


def only_flags(arguments: Sequence[str]) -> None:
    """For commands that take no positional arguments.

    Raises:
      UserError: when there is one.
    """
    if arguments:
        raise UserError(f"{arguments[0]}: expected no arguments, only flags; see --help")


def required(*names: str) -> None:
    """For flags that have no sensible default.

    Raises:
      UserError: naming the first of them that was not given.
    """
    for name in names:
        if not flags.FLAGS[name].value:
            raise UserError(f"--{name} is missing; see --help")


def _flag_help() -> str:
    own = [module for module in flags.FLAGS.flags_by_module_dict() if not module.startswith("absl")]
    text = "\n".join(flags.FLAGS.module_help(module) for module in own)
    return text + "\n\n  --flagfile: read flags from a file, one a line (see flags/)\n"
