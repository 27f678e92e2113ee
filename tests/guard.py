"""An HTTP proxy before LocalStack, which checks no permissions: it holds each call against the role's policy.

The role is the access key: AWS_ACCESS_KEY_ID=worker, reader, web, operator or eraser. Calls by other keys are the
tests' own, and pass; those of `provision` are only noted. What was called is noted whether it succeeded or not; what
succeeded and is not allowed is an error of the test that runs.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from chaos.faults import refusal
from chaos.proxy import AwsProxy
from chaos.wire import Answer, Call, Outcome
from template import POLICIES, Permission, allowed

#: IAM has one action for the single call and for the batch, and others for PartiQL.
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
ACTIONS = {
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "SendMessageBatch": "SendMessage",
    "ExecuteStatement": "PartiQLSelect",
}

#: Of the Authorization header: whose key, and which service.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/")

FROM = re.compile(r'FROM "([^"]+)"(?:\."([^"]+)")?')

#: The name of a Site, which its queues and tables begin with.
PREFIX = re.compile(r"\bt[0-9a-f]{12}(?:-[0-9a-f]{8})?")


class Guard(AwsProxy):
    def __init__(self, upstream_url: str) -> None:
        super().__init__(upstream_url)
        self.used: defaultdict[str, set[Permission]] = defaultdict(set)
        #: Calls of `provision`: the action, and the whole text of what was asked.
        self.provisioned: list[tuple[str, str]] = []
        self._noting = threading.Lock()

    def answer(self, call: Call) -> Outcome:
        role, service = _caller(call)
        if role == "provision":
            self.provisioned.append((f"{service}:{_operation(call)}", f"{call.path} {call.body.decode()}"))
        outcome = self._forward(call)
        if role not in POLICIES:
            return outcome
        asked = set(_of_s3(call) if service == "s3" else permissions(call))
        with self._noting:
            self.used[role] |= asked
        lacking = asked - allowed(role)
        if lacking and isinstance(outcome, Answer) and outcome.is_ok:
            self.violations.append(f"the {role} policy does not allow {sorted(lacking)}")
            return refusal("AccessDeniedException")
        return outcome


def permissions(call: Call) -> Iterator[Permission]:
    """What IAM asks for this call to SQS or DynamoDB."""
    action = f"{call.service}:{ACTIONS.get(call.operation, call.operation)}"
    asked = call.json()
    if call.service == "sqs":
        yield action, PREFIX.sub("*", asked.get("QueueName") or asked.get("QueueUrl", "").rpartition("/")[2])
        return
    stated = FROM.findall(asked.get("Statement", ""))
    one = [(asked["TableName"], asked.get("IndexName", ""))] if "TableName" in asked else stated
    for name, index in one or [(each, "") for each in asked["RequestItems"]]:
        yield action, f"table/{PREFIX.sub('*', name)}{f'/index/{index}' if index else ''}"


def _of_s3(call: Call) -> Iterator[Permission]:
    """Of what only reads: a list names a bucket, an object is told by the first part of its key."""
    bucket, _, key = urlsplit(call.path).path.lstrip("/").partition("/")
    bucket, top = PREFIX.sub("*", bucket), PREFIX.sub("*", key.partition("/")[0])
    yield ("s3:GetObject", f"{bucket}/{top}/*") if key else ("s3:ListBucket", bucket)


def _caller(call: Call) -> tuple[str, str]:
    signed = next((value for name, value in call.headers if name.lower() == "authorization"), "")
    found = CREDENTIAL.search(signed)
    return (found[1], found[2]) if found else ("", "")


def _operation(call: Call) -> str:
    """A JSON protocol names it in a header, the query protocol in the form, REST by method and path."""
    form = parse_qs(call.body.decode(errors="replace"))
    return call.operation or _target(call) or form.get("Action", [f"{call.method} {call.path}"])[0]


def _target(call: Call) -> str:
    return next((value.rpartition(".")[2] for name, value in call.headers if name.lower() == "x-amz-target"), "")
