"""The sales room: the catalogue (Point of Sale) and the POS Assistant, both still to come."""

from odoportal.pages.room import Room, Web


def _web() -> Web:
    from odoportal.pages.kinds import plain_page
    from odoportal.rooms.sales import page

    return Web(
        pages=[
            plain_page("/pos-assistant", "POS Assistant", page.assistant),
            plain_page("/sales", "Point of Sale", page.page),
        ]
    )


ROOM = Room("sales", _web)
