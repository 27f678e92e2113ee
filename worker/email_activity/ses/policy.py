"""The operator's settings as the rules that `normalize` works by."""

from email_activity.ses.normalize import Rules
from email_activity.settings import Settings


def rules(settings: Settings) -> Rules:
    return Rules(
        tracked=settings.tracked,
        document_type=(settings.document_type_tag, settings.document_type_header),
        document_id=(settings.document_id_tag, settings.document_id_header),
        account_id=(settings.account_id_tag, settings.account_id_header),
        trusted_accounts=settings.trusted_accounts,
        trusted_configuration_sets=settings.trusted_sets,
        retention=settings.retention,
        store_subject=settings.store_subject,
    )
