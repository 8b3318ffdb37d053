"""The kinds of activity that the profile room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import ACCOUNT, Activity


class ProfileActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    CHANGED = "details"


def _labels() -> dict[ActivityKind, str]:
    return {
        ProfileActivity.CHANGED: t("Profile changed"),
    }


ACTIVITY = (Activity(ACCOUNT, _labels),)
