"""What the provider's own words are called on the screen."""

from odoportal.core.i18n import t

NO_RIGHT = "no_right"
"""The portal's own reason: whoever began to add the card may not any more."""
_BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "interac": "Interac",
}


def card_name(brand: str, last4: str) -> str:
    """What a card is called, such as Visa •••• 4242."""
    return " ".join((_BRANDS.get(brand) or t("Card"), "••••", last4))


def reason_labels(reason: str) -> str:
    """Why a card was not accepted, as a sentence for the customer; why a bank distrusts a card is not the portal's to tell."""
    not_confirmed = t("The bank could not confirm that it is you. Try again, or use another card.")
    known = {
        NO_RIGHT: t("Your role in this account no longer allows adding cards. Nothing was added."),
        "expired_card": t("This card is over. Use another one."),
        "authentication_failed": not_confirmed,
        "setup_intent_authentication_failure": not_confirmed,
        "insufficient_funds": t("The bank says that there is not enough money. Use another card."),
    }
    return known.get(reason) or t("The bank declined this card. Use another one, or ask your bank.")
