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
        PrivacyActivity.CLOSING_REQUESTED: t("Asked to close the account"),
        PrivacyActivity.CLOSING_WITHDRAWN: t("Took back the request to close the account"),
    }


ACTIVITY = (Activity(ACCOUNT, _labels),)
