"""Scripts with which shells complete this program's commands, options and files: completion."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

from src.cli import terminal
from src.cli.called import COMMANDS
from src.cli.library_access import DONE

FILES = ("PATH", "FILE", "PATH_OR_ID", "PLACE")
FOLDERS = ("DIR", "FOLDER", "F")
_REGISTERED = {"bash": "-F _shtab_mfe mfe\n", "zsh": "compdef _shtab_mfe -N mfe\n"}
"""Where a script says for which name it is; the second name is put behind the first one."""


def completion(arguments: argparse.Namespace) -> int:
    """completion bash|zsh|fish: made from the arguments that the commands take."""
    parser: argparse.ArgumentParser = arguments.parser
    for one in _all(parser):
        one.prog = " ".join([COMMANDS[0], *one.prog.removeprefix(parser.prog).split()])
        for action in one._actions:
            kind = shtab.FILE if action.metavar in FILES else shtab.DIRECTORY if action.metavar in FOLDERS else None
            if kind:
                action.complete = kind  # type: ignore[attr-defined]
    terminal.say(_for_both(shtab.complete(parser, arguments.shell, root_prefix=COMMANDS[0]) + "\n", arguments.shell))
    return DONE


def _for_both(script: str, shell: str) -> str:
    if shell == "fish":
        return f"{script}complete -c {COMMANDS[1]} -w {COMMANDS[0]}"
    place = _REGISTERED[shell]
    script = script.replace(f"#compdef {COMMANDS[0]}\n", f"#compdef {' '.join(COMMANDS)}\n")
    return script.replace(place, f"{place.rstrip()} {COMMANDS[1]}\n").rstrip()


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Those of the commands first: their names begin with the program's."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()
    yield parser
