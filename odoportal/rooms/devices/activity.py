"""The kinds of activity that the devices room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import Activity, ActivityGroup


class DeviceActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    RENAMED = "vehicle_renamed"
    ASSIGNED = "vehicle_assigned"
    UNDONE = "vehicle_assignment_undone"


def _labels() -> dict[ActivityKind, str]:
    return {
        DeviceActivity.RENAMED: t("Vehicle renamed"),
        DeviceActivity.ASSIGNED: t("Vehicle assigned from a list"),
        DeviceActivity.UNDONE: t("Vehicle from a list undone"),
    }


_DEVICES = ActivityGroup("devices", lambda: t("Devices"))
ACTIVITY = (Activity(_DEVICES, _labels, lambda: {"vehicle": t("Vehicle")}),)
