"""The JSON API: one path for each method of the reader, and its answers as they are."""

from collections.abc import AsyncIterator
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import PlainTextResponse

from email_activity.activity import model
from email_activity.activity.reader import Activity
from email_activity.activity.words import VERDICTS, WORDS, VerdictWords, Words
from email_activity.web.examples import ACCOUNT, BOB, DOCUMENT, EMAIL_ID
from email_activity.web.gate import HEALTH
from email_activity.web.problems import NotFoundError, ProblemError
from email_activity.web.requests import MAX_DAYS, EmailsAsked, FailuresAsked, Id, LookUp, is_too_long, now

T = TypeVar("T")

DOCUMENT_TYPE = Path(description="In any case", examples=[DOCUMENT.type])
DOCUMENT_ID = Path(description="As typed, `2026/117`, or as `tag()` encodes it", examples=["2026/117"])
ACCOUNT_ID = Path(description="Your customer's id, as the tag holds it", examples=[ACCOUNT])


class WordTable(BaseModel):
    """All words of answers. statuses: by code and reason; one without a reason is for all others of its codes.
    verdicts: of addresses.
    """

    statuses: tuple[Words, ...]
    verdicts: tuple[VerdictWords, ...]


def get_reader(request: Request) -> Activity:
    found: Activity = request.app.state.activity
    return found


async def working(request: Request) -> AsyncIterator[None]:
    """While the endpoint works. The body has been read by then, so no slow client holds a place."""
    with request.app.state.at_once.hold():
        yield


Reader = Annotated[Activity, Depends(get_reader)]
router = APIRouter(prefix="/api/v1", dependencies=[Depends(working, scope="function")])


@router.get("/documents/{document_type}/{document_id:path}", summary="What became of a document")
def document(
    activity: Reader, document_type: Annotated[Id, DOCUMENT_TYPE], document_id: Annotated[Id, DOCUMENT_ID]
) -> model.DocumentActivity:
    """Its recipients over all its emails, failures first, and its emails, at most the newest 500."""
    return _known(activity.document(document_type, document_id), "document")


@router.get("/emails/{email_id}", summary="What became of an email")
def email(
    activity: Reader,
    email_id: Annotated[Id, Path(description="SES's id, or the Message-ID header", examples=[EMAIL_ID])],
) -> model.EmailWithTimeline:
    """Each recipient's status, and everything that happened, in order."""
    return _known(activity.email(email_id), "email")


@router.post("/recipients/lookup", summary="The emails to an address")
def look_up_recipient(
    activity: Reader, asked: Annotated[LookUp, Body(examples=[{"address": BOB, "limit": 10}])]
) -> model.RecipientActivity:
    """And whether to send to it, judged by its last 50 emails. Reads only; a POST, so that no address stands in a URL,
    which logs and histories keep.
    """
    return activity.recipient(asked.address, limit=asked.limit, after=asked.after)


@router.get("/accounts/{account_id:path}/emails", summary="The emails of an account")
def account_emails(
    activity: Reader, account_id: Annotated[Id, ACCOUNT_ID], asked: Annotated[EmailsAsked, Query()]
) -> model.Page[model.ListedEmail]:
    """By when they were sent, newest first. A page looks through 500 emails at most, so with `status` it may have fewer
    rows than `limit`, or none, and yet `has_more`.
    """
    return activity.account(account_id, **dict(asked))


@router.get("/accounts/{account_id:path}/failures", summary="What did not reach an account")
def account_failures(
    activity: Reader, account_id: Annotated[Id, ACCOUNT_ID], asked: Annotated[FailuresAsked, Query()]
) -> model.Page[model.Failure]:
    """Emails that did not reach a recipient, or were marked as spam, by when that was reported, newest first."""
    return activity.failures(account_id, **dict(asked))


@router.get("/failures", summary="What did not arrive, of all accounts")
def failures(activity: Reader, asked: Annotated[FailuresAsked, Query()]) -> model.Page[model.Failure]:
    """As of one account; within the last seven days unless told, and at most 92 days at once."""
    if is_too_long(asked, now()):
        detail = f"From since to until at most {MAX_DAYS} days at once, for failures of all accounts."
        raise ProblemError(400, "range_too_long", detail)
    return activity.failures(None, **dict(asked))


@router.get("/words", summary="All words of answers")
def words() -> WordTable:
    """The table that labels come from, for who makes own ones by `code` and `reason`."""
    return WordTable(statuses=WORDS, verdicts=tuple(VERDICTS.values()))


@router.get("/freshness", summary="How far the table has come")
def freshness(activity: Reader) -> model.Freshness:
    """When a worker last asked the queue, and when the newest event happened that one recorded."""
    return activity.freshness()


health = APIRouter()


@health.get(HEALTH, summary="Whether this server answers", response_class=PlainTextResponse)
async def healthz() -> str:
    """Without a login, whatever the Host, and without a look at the table."""
    return "ok\n"


def _known(found: T | None, what: str) -> T:
    if found is None:
        raise NotFoundError(what)
    return found
