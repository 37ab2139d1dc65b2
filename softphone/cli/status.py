"""Exit statuses of the `softphone` command, and the error that carries one."""

from softphone.errors import SoftphoneError

OK = 0
ERROR = 1
"""Exit status of a failure; a sentence on standard error says what is wrong."""
USAGE = 2
"""Wrong arguments (argparse)."""
REFUSED = 3
"""The call did not come about, or the registrar refused."""
NO_SPEECH = 4
"""The call worked, but no speech arrived."""
INTERRUPTED = 130
"""Ctrl-C; calls were hung up first."""

HELP = (
    f"exit status: {OK} done, {ERROR} an error that is named, {USAGE} wrong arguments, {REFUSED} call or registration refused, "
    f"{NO_SPEECH} no speech arrived, {INTERRUPTED} interrupted"
)


class CommandError(SoftphoneError):
    """A command cannot go on; `status` is its exit status."""

    def __init__(self, sentence: str, status: int = ERROR) -> None:
        super().__init__(sentence)
        self.status = status
