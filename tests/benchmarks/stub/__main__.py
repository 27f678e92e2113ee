"""SQS and DynamoDB for benchmarks, on loopback: `python -m benchmarks.stub`, in the folder tests."""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys

from benchmarks.stub.answers import Answers
from benchmarks.stub.control import Control
from benchmarks.stub.delay import DelayLine
from benchmarks.stub.dynamodb import DynamoDb
from benchmarks.stub.registry import Registry
from benchmarks.stub.server import Connection, Service
from benchmarks.stub.sqs import Sqs

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop


def main() -> int:
    arguments = _parser().parse_args()
    # Nothing here is cyclic but connections, and to look through 200,000 messages takes as long as hundreds of calls.
    gc.disable()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    service, registry = _assemble(loop, arguments.delay_ms / 1000)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", arguments.port)
    registry.endpoint_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if arguments.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _read_stdin, stopped)
    sys.stdout.write(json.dumps({"endpoint_url": registry.endpoint_url, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    while not stopped.is_set():
        try:
            await asyncio.wait_for(stopped.wait(), timeout=1)
        except TimeoutError:
            service.answers.tick()
    server.close()
    for connection in list(service.connections):
        connection.close()
    await server.wait_closed()


def _read_stdin(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stopped.set()


def _assemble(loop: asyncio.AbstractEventLoop, delay: float) -> tuple[Service, Registry]:
    """delay: seconds."""
    answers = Answers()
    line = DelayLine(loop, delay)
    registry = Registry(answers, loop.call_later)
    sqs = Sqs(registry, answers, line)
    dynamodb = DynamoDb(answers, line)
    control = Control(answers, line, registry, sqs, dynamodb)
    handlers = {**sqs.handlers(), **registry.handlers(), **dynamodb.handlers()}
    service = Service(handlers, control.handle, answers, line)
    control.calls = service.calls
    return service, registry


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    parser.add_argument("--delay-ms", type=float, default=10, help="milliseconds after which a call is answered")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when whoever started this is gone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
