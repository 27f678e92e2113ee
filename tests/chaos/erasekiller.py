"""`email-activity forget`, killed after its first write, its second, and so on, until a run comes to its end.

Each run is a fork, so that all of them together are one start of Python. A batch write is killed in its middle too:
DynamoDB has taken a half of it. What is between two writes leaves nothing behind, so a kill there is one after the
first of them. After each kill a line of JSON is printed, and one is awaited on standard input. Only tests run this.
"""

import json
import os
import signal
import sys
from typing import Any

from email_activity.cli.main import main
from email_activity.erasure import table as module
from email_activity.settings import load_reader_settings

WRITES = ("put_item", "batch_write_item")


class Killer:
    """A client that dies after so many writes. halves: a batch write that is the last of these is done by half."""

    def __init__(self, client: Any, writes: int, *, halves: bool) -> None:
        self._client, self._left, self._halves = client, writes, halves

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            self._left -= name in WRITES
            if not self._left and self._halves and name == "batch_write_item":
                ((table, requests),) = asked["RequestItems"].items()
                half = requests[: len(requests) // 2]
                if half:
                    self._client.batch_write_item(RequestItems={table: half})
                os.kill(os.getpid(), signal.SIGKILL)
            answer = getattr(self._client, name)(**asked)
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call


def run(client: Any, arguments: list[str], writes: int, *, halves: bool) -> bool:
    """Whether it was killed."""
    child = os.fork()
    if not child:
        module.dynamodb_client = lambda _: Killer(client, writes, halves=halves)  # type: ignore[assignment]
        main(arguments)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


if __name__ == "__main__":
    # Made once, since it takes long; each fork connects for itself.
    unused_client = module.dynamodb_client(load_reader_settings())
    writes, halves = 1, False
    while run(unused_client, sys.argv[1:], writes, halves=halves):
        print(json.dumps({"killed_after": writes, "halves": halves}), flush=True)
        sys.stdin.readline()
        writes, halves = writes + halves, not halves
