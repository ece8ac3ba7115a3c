"""Who is let in, through the app, from other programs and devices: tokens."""

from __future__ import annotations

import argparse

from src import wire
from src.cli import terminal
from src.cli.called import program
from src.cli.library_access import DONE, settings_of
from src.services.library.tokens import Tokens
from src.text import typed


def tokens(arguments: argparse.Namespace) -> int:
    """tokens: lists them; --create NAME makes one and shows it, --revoke NAME lets nobody in by it any more. The
    library itself is not opened.
    """
    kept = Tokens(settings_of(arguments).tokens_file)
    if arguments.create is not None:
        return _create(kept, typed(arguments.create), arguments.json)
    if arguments.revoke is not None:
        return _revoke(kept, typed(arguments.revoke), arguments.json)
    if arguments.json:
        terminal.print_json([wire.token(token) for token in kept.all()])
    elif found := kept.all():
        rows = [[token.name, token.created, token.last_used or "never", token.sessions] for token in found]
        terminal.show_table(["token", "created", "last used", "browsers signed in"], rows)
    else:
        terminal.say(f"There are no tokens yet. To make one: {program()} tokens --create NAME")
    return DONE


def _create(kept: Tokens, name: str, as_json: bool) -> int:
    """The token's text alone is standard output, so that it can be piped to where it is to be kept."""
    text = kept.create(name).reveal()
    if as_json:
        terminal.print_json({**wire.token(kept.all()[-1]), "token": text})
        return DONE
    terminal.say(text)
    terminal.note("Keep it now: it is shown this once, and only its hash is kept.")
    return DONE


def _revoke(kept: Tokens, name: str, as_json: bool) -> int:
    token = kept.revoke(name)
    if as_json:
        terminal.print_json({"revoked": token.name})
    else:
        terminal.say(f"Nobody is let in by the token {token.name} any more.")
    return DONE
