"""Labels for the provider's codes: card brands and reasons for a decline."""

from odoportal.core.i18n import t
from odoportal.rooms.cards.provider import NO_CARD

NO_RIGHT = "no_right"
"""The portal's own reason: the person who began to add the card has lost the billing right since."""
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
    """Return the name of a card, such as Visa •••• 4242."""
    return " ".join((_BRANDS.get(brand) or t("Card"), "••••", last4))


def reason_labels(reason: str) -> str:
    """Explain to the customer why a card was not accepted. Most reasons get the same general sentence: a bank's suspicions stay private."""
    not_confirmed = t("The bank could not confirm that it is you. Try again, or use another card.")
    known = {
        NO_RIGHT: t("Your role in this account no longer allows adding cards. Nothing was added."),
        NO_CARD: t("Only credit cards can be added here, and another way to pay was chosen. Nothing was added. Try again with a card."),
        "expired_card": t("This card has expired. Use another one."),
        "authentication_failed": not_confirmed,
        "setup_intent_authentication_failure": not_confirmed,
        "insufficient_funds": t("The bank reports insufficient funds. Use another card."),
    }
    return known.get(reason) or t("The bank declined this card. Use another one, or contact your bank.")
