"""The one exception whose message is written for the person at the keyboard."""


class UserError(Exception):
    """Bad input that a person can mend.

    The message names the file or flag, says what was expected and what to do. Entry points print it
    as one line and exit with code 2 (see :mod:`ifgan_tf.cli`).
    """
