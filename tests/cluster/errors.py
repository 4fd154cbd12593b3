"""What goes wrong for a person to read: one sentence, and the log file where there is one. No traceback."""

from pathlib import Path


class ClusterError(Exception):
    """Something that the caller can act upon."""


class CommandFailed(ClusterError):
    """A program that was run here said no."""

    def __init__(self, argv: list[str], code: int, output: str, log: Path | None = None) -> None:
        self.argv, self.code, self.output, self.log = argv, code, output, log
        tail = "\n".join(output.strip().splitlines()[-12:])
        where = f"\nthe whole log: {log}" if log else ""
        super().__init__(f"`{' '.join(argv)}` ended with {code}\n{tail}{where}")
