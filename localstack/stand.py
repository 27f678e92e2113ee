"""What stands in for AWS on one machine: install it, serve it, leave nothing behind. README.md tells more."""

# A package named localstack would shadow LocalStack's own: these files are run by path.

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import compose
import host
import install
import programs
import serve


def main() -> int:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "install":
                install.install_localstack(host=arguments.host)
            case "install-ministack":
                install.install_ministack()
            case "serve":
                return _serve(arguments)
    except programs.MissingError as error:
        programs.say(str(error))
        return 2
    except programs.InstallError as error:
        programs.say(str(error))
        return 1
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    port = serve.free_port(arguments.port)
    state = Path(arguments.state).resolve() if arguments.state else host.new_state()
    instance: serve.Instance
    if not arguments.host and compose.works():
        instance = compose.ComposeLocalStack(port, state)
    elif install.localstack_is_installed():
        instance = host.HostLocalStack(port, state)
    else:
        raise programs.MissingError("LocalStack is not installed: run `python localstack/stand.py install`")
    exit_code = serve.serve(instance, until_stdin_closes=arguments.until_stdin_closes)
    if exit_code == 0 and not arguments.state:
        shutil.rmtree(state, ignore_errors=True)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stand.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    installing = commands.add_parser("install", help="install LocalStack, or pull its image where Docker runs")
    installing.add_argument("--host", action="store_true", help="without Docker, even where it runs")

    commands.add_parser("install-ministack", help="install ministack, the stand-in of the demo")

    serving = commands.add_parser("serve", help="run LocalStack; prints one line of JSON when it is ready")
    serving.add_argument("--host", action="store_true", help="without Docker, even where it runs")
    serving.add_argument("--port", type=int, help="the port to listen on (default: a free one)")
    serving.add_argument("--state", metavar="DIR", help="a new folder for its files; the log stays there afterwards")
    serving.add_argument("--until-stdin-closes", action="store_true", help="stop when whoever started this is gone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
