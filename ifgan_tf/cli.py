"""What every entry point shares: flags in, one clear error out, exit code 2 for what the user can mend.

An entry point defines its flags under `if __name__ == "__main__":` and calls `run` there, so that importing it gives
another command none; its `main` refuses with `only_flags` and `required` before it does anything.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from absl import flags

from ifgan_tf.errors import UserError, reason

USAGE_ERROR, INTERRUPTED, CLOSED_PIPE, TERMINATED = 2, 130, 141, 143
_ROOM = "free some space or choose another folder"
_WORTH_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_FLAGFILE = re.compile(r"--?flagfile(=(?P<file>.*))?")


def run(main: Callable[[Sequence[str]], int | None], usage: str) -> None:
    """Parses the command line, runs `main(positional arguments)` and exits with its code.

    A flag that does not parse, or a `UserError` from `main`, is printed as one line on standard error and exits with
    code 2. `--help` prints `usage` and the flags, and exits with 0. Ctrl-C exits with 130, SIGTERM with 143, both after
    whatever has to be finished, and say in a line that the same command goes on. `~` is the home folder in every flag;
    a file named by --flagfile may name others, beside itself or in a folder above.

    Args:
      main: takes the arguments left over by the flags (without the program's name).
      usage: the text that `--help` opens with.
    """
    _settle_output()
    signal.signal(signal.SIGTERM, _terminate)
    # TensorFlow leaves oneDNN off on some processors, where it trains 1.6 times as fast all the same.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if any(argument in ("--help", "-help", "-h", "--helpfull") for argument in sys.argv[1:]):
        print(usage.strip() + "\n\nFlags:\n" + _flag_help())
        sys.exit(0)
    try:
        arguments = flags.FLAGS([sys.argv[0], *expanded(sys.argv[1:])])[1:]
        code = main(arguments)
        sys.stdout.flush()
    except (flags.Error, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = USAGE_ERROR
    except (KeyboardInterrupt, _Terminated) as asked:
        told, code = ("terminated", TERMINATED) if isinstance(asked, _Terminated) else ("interrupted", INTERRUPTED)
        print(f"{told}: what was finished is kept; the same command goes on from there", file=sys.stderr)
    except BrokenPipeError:  # whoever read has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    except Exception as error:
        if (remedy := _remedy(error)) is None:
            raise
        place = f"{getattr(error, 'filename', None) or 'a file'}: " if isinstance(error, OSError) else ""
        told = f"error: {place}{reason(error)}; {remedy}, then repeat the command: what was finished is kept"
        print(told, file=sys.stderr)
        code = USAGE_ERROR
    sys.exit(code or 0)


def _remedy(error: Exception) -> str | None:
    """What to do about a fault that is the machine's or a file's; None for one that is ours."""
    tf = sys.modules.get("tensorflow")
    if isinstance(error, OSError):
        return _ROOM if error.errno in _WORTH_ROOM else "mend that"
    if isinstance(error, UnicodeError):
        return "expected text in UTF-8: mend the file or the name"
    if isinstance(error, MemoryError) or (tf is not None and "OOM" in str(error)):
        return "out of memory: close other programs, pass a smaller --batch_size, or train with --recompute"
    if tf is None or not isinstance(error, tf.errors.OpError):
        return None
    ours = (tf.errors.InvalidArgumentError, tf.errors.InternalError, tf.errors.UnimplementedError)
    return None if isinstance(error, ours) else _ROOM if "space" in str(error) else "mend that"


def expanded(arguments: Sequence[str], folder: Path | None = None, outer: tuple[Path, ...] = ()) -> list[str]:
    """Command-line arguments with `~` and --flagfile resolved.

    Args:
      arguments: as typed, or the lines of a flag file.
      folder: of that flag file: where files that it names are looked for first, then in the folders above.
      outer: the flag files that led here.

    Raises:
      UserError: for a flag file that is missing, no text, or names itself.
    """
    result: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*result, argument, *rest]
        if (flagfile := _FLAGFILE.fullmatch(argument)) is not None:
            name = flagfile["file"] if flagfile["file"] is not None else next(rest, "")
            result += _of_flagfile(name, folder, outer)
            continue
        flag, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
        if "~" in value:
            value = ",".join(map(os.path.expanduser, value.split(",")))
        result.append(flag + equals + value)
    return result


def _of_flagfile(name: str, folder: Path | None, outer: tuple[Path, ...]) -> list[str]:
    file = Path(os.path.expanduser(name))  # noqa: PTH111 (without a home folder it stays as it is)
    nearer = [base / file for base in (folder, *folder.parents) if (base / file).is_file()] if folder else []
    file = nearer[0] if nearer else file
    if file.resolve() in outer:
        raise UserError(f"--flagfile={name}: names itself, through {', '.join(map(str, outer))}")
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise UserError(f"--flagfile={name}: {reason}; expected a file with one flag a line (see flags/)") from None
    told = [line for line in lines if line and not line.startswith(("#", "//"))]
    return expanded(told, file.parent, (*outer, file.resolve()))


def _settle_output() -> None:
    """People read what we say: no library's chatter, and no name that a narrow locale cannot print ends anything."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # which prints by itself as well
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether the project itself says it, on the root logger, or a library has failed."""
    return record.name == "root" or record.levelno >= logging.ERROR


class _Terminated(SystemExit):
    """SIGTERM, as an exception: what is open is closed, what must be whole is renamed."""


def _terminate(_: int, frame: FrameType | None) -> None:
    raise _Terminated(TERMINATED)


def only_flags(arguments: Sequence[str]) -> None:
    """For commands that take no positional arguments.

    Raises:
      UserError: when there is one.
    """
    if arguments:
        raise UserError(f"{arguments[0]}: expected flags only; see --help")


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
