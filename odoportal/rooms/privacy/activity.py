"""The kinds of activity that the privacy room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import ACCOUNT, Activity


class PrivacyActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    CLOSING_REQUESTED = "closing_asked"
    CLOSING_WITHDRAWN = "closing_taken_back"


def _labels() -> dict[ActivityKind, str]:
    return {
        PrivacyActivity.CLOSING_REQUESTED: t("Account closure requested"),
        PrivacyActivity.CLOSING_WITHDRAWN: t("Account closure request withdrawn"),
    }


ACTIVITY = (Activity(ACCOUNT, _labels),)
