"""The kinds of activity that the signin room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import SIGN_IN, Activity


class SigninActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    EMAIL = "email"
    PASSWORD_CHANGED = "password"  # noqa: S105 - the word for what happened
    SESSION_ENDED = "session"
    DISOWNED = "disowned"
    TWO_STEP_ON = "two_step_on"
    TWO_STEP_OFF = "two_step_off"
    CODES_RENEWED = "codes_renewed"
    CODES_REMOVED = "codes_removed"
    CODE_USED = "code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"
    DISABLED = "disabled"
    ENABLED = "enabled"

    @property
    def for_owners(self) -> bool:
        """Whether the owners of the person's accounts see it: not a session that was ended, nor a passkey's new name."""
        return self not in {SigninActivity.SESSION_ENDED, SigninActivity.PASSKEY_RENAMED}


def _labels() -> dict[ActivityKind, str]:
    return {
        SigninActivity.EMAIL: t("Email address changed"),
        SigninActivity.PASSWORD_CHANGED: t("Password changed"),
        SigninActivity.SESSION_ENDED: t("Session ended"),
        SigninActivity.DISOWNED: t("Suspicious sign-in reported"),
        SigninActivity.TWO_STEP_ON: t("Two-step sign-in turned on"),
        SigninActivity.TWO_STEP_OFF: t("Two-step sign-in turned off"),
        SigninActivity.CODES_RENEWED: t("New recovery codes created"),
        SigninActivity.CODES_REMOVED: t("Recovery codes removed"),
        SigninActivity.CODE_USED: t("Recovery code used"),
        SigninActivity.PASSKEY_ADDED: t("Passkey added"),
        SigninActivity.PASSKEY_RENAMED: t("Passkey renamed"),
        SigninActivity.PASSKEY_REMOVED: t("Passkey removed"),
        SigninActivity.DISABLED: t("Access closed"),
        SigninActivity.ENABLED: t("Access reopened"),
    }


ACTIVITY = (Activity(SIGN_IN, _labels),)
