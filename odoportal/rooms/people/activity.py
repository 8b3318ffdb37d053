"""The kinds of activity that the people room records."""

from odoportal.accounts.activity_log import ActivityKind, PeopleActivity
from odoportal.core.i18n import t
from odoportal.pages.room import SIGN_IN, Activity, ActivityGroup
from odoportal.pages.shell_view import role_labels


def _labels() -> dict[ActivityKind, str]:
    return {
        PeopleActivity.INVITED: t("Invited"),
        PeopleActivity.INVITED_AGAIN: t("Invitation sent again"),
        PeopleActivity.WITHDRAWN: t("Invitation withdrawn"),
        PeopleActivity.JOINED: t("Invitation accepted"),
        PeopleActivity.ROLE: t("Role changed"),
        PeopleActivity.REMOVED: t("Removed from the account"),
    }


def _two_step_labels() -> dict[ActivityKind, str]:
    return {
        PeopleActivity.TWO_STEP_REQUIRED: t("Two-step sign-in required for everyone"),
        PeopleActivity.TWO_STEP_OPTIONAL: t("Two-step sign-in no longer required"),
    }


def _fields() -> dict[str, str]:
    return {"role": t("Role")}


def _role(value: str) -> str:
    return role_labels().get(value, value)


_PEOPLE = ActivityGroup("people", lambda: t("People"))
ACTIVITY = (
    Activity(_PEOPLE, _labels, _fields, values=lambda: {"role": _role}),
    Activity(SIGN_IN, _two_step_labels),
)
