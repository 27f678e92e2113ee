"""The settings that say which mail is tracked, and whose events are believed."""

from email_activity.ses.normalize import TrackingPolicy
from email_activity.settings import Settings


def tracking_policy(settings: Settings) -> TrackingPolicy:
    return TrackingPolicy(
        tracked=settings.tracked,
        document_type=(settings.document_type_tag, settings.document_type_header),
        document_id=(settings.document_id_tag, settings.document_id_header),
        account_id=(settings.account_id_tag, settings.account_id_header),
        trusted_accounts=settings.trusted_accounts,
        trusted_configuration_sets=settings.trusted_sets,
        retention=settings.retention,
        store_subject=settings.store_subject,
    )
