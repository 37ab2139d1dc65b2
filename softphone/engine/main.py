"""Command line of the engine process."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
from pathlib import Path

from softphone import config
from softphone.control.runtime import default_socket
from softphone.engine.engine import Engine
from softphone.engine.standing import StandingCommands
from softphone.errors import SoftphoneError


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 0 after a clean end, 2 when the phone cannot start, with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m softphone.engine", description="The softphone without a screen, driven by a socket.")
    parser.add_argument("--socket", type=Path, help="control socket; default: engine.sock in the runtime folder")
    parser.add_argument("--config", type=Path, help="TOML file; default: the XDG path")
    parser.add_argument("--lifeline", type=int, help="end when the other end of this pipe is closed")
    parser.add_argument("--standing", type=int, help="file of what was set by command, for after a restart (engine/standing.py)")
    parser.add_argument("--calls-before", type=int, default=0, help="calls of earlier engines, whose numbers are not used again")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.WARNING, format="engine: %(levelname)s %(message)s")
    # PJSUA2 objects must die on this thread: collections happen only in the main loop.
    gc.disable()
    try:
        settings = config.load(options.config)
        engine = Engine(
            settings,
            options.socket or default_socket(),
            lifeline=options.lifeline,
            config_file=options.config,
            standing=StandingCommands(options.standing),
            calls_before=options.calls_before,
        )
    except SoftphoneError as error:
        print(f"softphone engine: {error}", file=sys.stderr, flush=True)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.lifetime.stop("told to by a signal"))
    return engine.run()
