"""Everything a person can set up either ends with the access, or has a documented reason why it does not."""

import pytest

from odoportal import migrations
from odoportal.rooms.registry import ROOMS

# All columns that refer to a person. A new column needs a room that revokes it (ENDED), or a reason (REASONS).
ENDED = {
    "invitation.invited_by": "people.revoke",
    "invoice_copy.asked_by": "notifications.revoke",
    "closing_request.person_id": "privacy.revoke",
}
REASONS = {
    "membership.person_id": "is the access",
    "unsolicited_mail.person_id": "is a count that is kept for a day",
    "file_person.person_id": "is what Odotrack's file said; gives nothing by itself",
    "earlier_email.person_id": "is the person's own; keeps the mailbox from becoming somebody else",
    "file_role.person_id": "is what Odotrack's file said; gives nothing by itself",
    "change.person_id": "is the activity, which stays",
    "change.subject_id": "is the activity, which stays",
    "notice_reader.person_id": "is what was told",
    "vehicle_list.person_id": "is asked for the right when it is applied or undone; gone after a day",
    "notice_choice.person_id": "counts for members only (notices.sending.readers)",
    "data_file.person_id": "is asked for the membership and the role when it is made and fetched; gone after a day",
    "card.added_by": "is the account's card; says who added it",
    "card_setup.person_id": "is asked for the right when the card comes (cards.service.settle)",
    "browser_session.person_id": "is the person's own; the membership is read at every request",
    "one_use_link.person_id": "is the person's own; ends with user disable",
    "email_change.person_id": "is the person's own; what is not confirmed ends with user disable",
    "sign_in.person_id": "is history",
    "known_browser.person_id": "is the person's own; trust ends with user disable",
    "second_step.person_id": "is the person's own; asked for disabled_at",
    "authenticator.person_id": "is the person's own",
    "recovery_code.person_id": "is the person's own",
    "passkey.person_id": "is the person's own",
    "passkey_ceremony.person_id": "is the person's own; lives for minutes",
}


@pytest.mark.asvs("8.3.2")
def test_whatever_refers_to_a_person_ends_with_the_access_or_has_a_reason_not_to() -> None:
    refer = {
        f"{table.name}.{key.parent.name}"
        for table in migrations.metadata().sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "person"
    }
    assert refer == ENDED.keys() | REASONS.keys()


def test_each_room_that_says_so_is_asked() -> None:
    assert {room.revoke.__module__ for room in ROOMS if room.revoke} == {f"odoportal.rooms.{module}" for module in ENDED.values()}
