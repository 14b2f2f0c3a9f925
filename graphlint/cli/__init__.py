"""The command line. Commands are imported only when used.

A command is the attribute ``command`` of ``graphlint.cli.<name>``, listed in ``COMMANDS`` with its one-line help. Its
module imports nothing heavy at its top: what it needs, it imports inside the command. It raises `GraphlintError` for
errors that end with one line and exit code 2, and calls ``context.exit(code)`` for any other code.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from graphlint.errors import GraphlintError

COMMANDS = {
    "check": "Check model files, directories of them, or models built by Python code.",
    "fix": "Fix what check finds and graphlint can fix, verify the result, and write it.",
    "split": "Split the model in a file in two.",
    "extract": "Extract a part of the model in a file.",
    "show": "Print a model as text that is the same for every save of it.",
    "diff": "Say what changed from one model to another, also for git.",
    "impact": "Say what depends on a layer or variable of a model, or of several.",
    "graph": "Draw the graph of a model, with what is found in it.",
    "cache": "Remove what check keeps of files that have not changed.",
    "config": "Print the JSON schema of the configuration.",
    "rule": "Explain one rule.",
    "rules": "List all rules.",
}

TRACEBACK = "GRAPHLINT_TRACEBACK"
_COMPLETE = "_GRAPHLINT_COMPLETE"
"""Environment variable with which a shell asks for completions, which end the command."""


class Commands(click.Group):
    """Imports a command when it is run, and turns every error into one line and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"graphlint.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        standalone = kwargs.get("standalone_mode", True)
        kwargs["standalone_mode"] = False
        if not standalone:
            return super().main(*args, **kwargs)
        # Collecting at exit frees nothing and takes a tenth of the time of checking one file.
        atexit.register(gc.freeze)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        sys.exit(self._run(*args, **{"prog_name": "graphlint"} | kwargs))

    def _run(self, *args: Any, **kwargs: Any) -> int:
        from graphlint.cli.typed import require_no_file_options

        try:
            given = args[0] if args else kwargs.get("args")
            require_no_file_options(sys.argv[1:] if given is None else given)
            code = super().main(*args, **kwargs)
            sys.stdout.flush()
        except click.ClickException as error:
            _show(error)
            return 2
        except (click.Abort, KeyboardInterrupt):
            return _failed("interrupted")
        except SystemExit as error:
            # Click exits with 1 when the reader of a pipe has gone; here 1 means findings.
            return 0 if error.code == 0 and _COMPLETE in os.environ else 2
        except GraphlintError as error:
            return _failed(str(error))
        except Exception as error:  # A bug in graphlint itself: still one line, and never exit code 1.
            what = f"{type(error).__name__}: {error}".partition("\n")[0]
            return _failed(f"internal error: {what} (set {TRACEBACK}=1 for the traceback)")
        return code if isinstance(code, int) else 0


def _show(error: click.ClickException) -> None:
    """What click says of an argument, which may be the name of a file."""
    from io import StringIO

    from graphlint.reports.safe import in_line

    said = StringIO()
    error.show(said)
    for line in said.getvalue().splitlines():
        click.echo(in_line(line), err=True)


def _failed(text: str) -> int:
    from graphlint.reports.safe import in_line

    if os.environ.get(TRACEBACK):
        traceback.print_exc(file=sys.stderr)
    click.echo(f"graphlint: {in_line(text)}", err=True)
    return 2


@click.group("graphlint", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keras-graphlint", prog_name="graphlint")
def main() -> None:
    """A linter for Keras models: checks model files without running them or importing TensorFlow."""
