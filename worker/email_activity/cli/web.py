"""`email-activity web`: the page and the JSON API. Its libraries are the extra `[web]`."""

import json

import click

from email_activity.domain.errors import ActivityError

EXTRA = "pip install 'email-activity[web]'"


class CannotServeError(ActivityError):
    """The libraries are missing, or the address is taken."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8025, show_default=True, help="0: any that is free.")
@click.option("--new-token", is_flag=True, help="Print a new token and its hash for WEB_TOKEN_HASHES, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --new-token, one JSON object: token, hash.")
def web(*, host: str, port: int, new_token: bool, as_json: bool) -> None:
    """A page for people and the JSON API, over HTTP; both only read. The API is described at /api/v1/openapi.json.

    On 127.0.0.1 it needs no login; anywhere else it starts with one only (WEB_TOKEN_HASHES, or WEB_USER_HEADER and
    WEB_TRUSTED_PROXIES). config/example.env has the settings, docs/api.md how to run it. Ctrl-C or SIGTERM end it.

    \b
    Examples:
      email-activity web
      curl http://127.0.0.1:8025/api/v1/documents/invoice/2026/117
      email-activity web --new-token
    """
    try:
        from email_activity.web import login, server, settings  # noqa: PLC0415  the extra may be missing
        from email_activity.web.app import make_app, open_activity  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("email_activity"):
            raise
        raise CannotServeError(f"{error.name} is missing: {EXTRA}") from None
    if new_token:
        token, hashed = login.new_token()
        click.echo(json.dumps({"token": token, "hash": hashed}) if as_json else f"token  {token}\nhash   {hashed}")
        return
    own = settings.load_web_settings(host)
    app = make_app(open_activity(), own)
    server.configure_logging(own)
    try:
        listener = server.listen(host, port)
    except OSError as error:
        raise CannotServeError(
            f"cannot listen at {host}, port {port}: {(error.strerror or '').partition(' (')[0]}"
        ) from None
    server.say_ready(listener)
    server.serve(app, listener)
