"""Prices, payments, parcels, mails and notices, and the simulators of the providers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from settings_values import (
    AmountByCurrency,
    Contact,
    CurrencySet,
    Delay,
    HttpUrl,
    Mailbox,
    Mailboxes,
    Name,
    Percent,
    PercentByCode,
    SmtpUrl,
    Timeout,
)


class ShopSettings(BaseSettings):
    public_stock_limit: int = Field(10, ge=1, le=1_000_000)
    """The largest stock that customers see: a larger one is shown as this number or more."""

    shipping_price: AmountByCurrency = {}
    """The net price of the shipping of an order, in minor units: `EUR=490,JPY=800`.

    It is 0 in a currency that is not named.
    """
    free_shipping_from: AmountByCurrency = {}
    """The net price of the goods, after the discount, from which the shipping is free."""
    tax_percent: Percent = Decimal(0)
    """The rate of tax on the lines and the shipping. All prices are net."""
    discount_codes: PercentByCode = {}
    """The percentage by which each code reduces the price of the lines: `WELCOME=10,FRIENDS=20`."""

    payment_url: HttpUrl = ""
    """Base URL of the payment provider's API; empty means the provider's own public one."""
    payment_return_url: HttpUrl = ""
    """The shop's page that a customer returns to after 3-D Secure.

    Without it Stripe gives no address to send the customer to.
    """
    payment_api_key: SecretStr = SecretStr("")
    payment_webhook_secret: SecretStr = SecretStr("")
    payment_settlement_currencies: CurrencySet = frozenset()
    """The currencies that the payment provider pays out to the shop in: `EUR,USD`.

    The provider's minimums hold for orders in these currencies. Empty: each currency is paid out
    in itself.
    """
    payment_minimums: AmountByCurrency = {}
    """The smallest totals by currency, in minor units, where they differ from the provider's own.

    0 leaves the decision to the provider.
    """
    payment_maximums: AmountByCurrency = {}
    """The largest totals by currency, in minor units, where they differ from the provider's own."""
    carrier_url: HttpUrl = ""
    carrier_api_key: SecretStr = SecretStr("")
    carrier_webhook_secret: SecretStr = SecretStr("")
    """Base64 of random bytes, as Standard Webhooks requires; `whsec_` may precede it."""

    smtp_url: SmtpUrl = SecretStr("")
    """The mail server: smtp://user:password@host:587 or smtps://. Empty: no mail is sent."""
    mail_from: Mailbox = ""
    """The sender of all mails, such as `Shop <shop@example.com>`."""
    public_url: HttpUrl = ""
    """The URL at which the customers reach the API, for the links to unsubscribe."""
    vapid_private_key: SecretStr = SecretStr("")
    """Base64url of a private key of P-256: signs the requests to push services (RFC 8292).

    Without it and the next one, no push message is sent.
    """
    vapid_subject: Contact = ""
    """The contact of the operator for push services: `mailto:` and an address, or `https://`."""

    operator_email: Mailboxes = ""
    """The addresses, comma-separated, of the operators who are notified by mail. Empty: none."""
    operator_webhook_url: SecretStr = SecretStr("")
    """The URL that is notified of what needs an operator. Empty: none."""
    operator_webhook_secret: SecretStr = SecretStr("")
    """The secret that signs these webhooks, as that of the carrier."""
    operator_remind_after: Timeout = timedelta(hours=1)
    """The time after which an open notice that no operator has acknowledged is said once more."""

    simulator_host: Name = "127.0.0.1"
    """The address that the simulators listen on: they trust every client."""
    payment_simulator_webhook_url: HttpUrl = ""
    """The URL that the simulators send their webhooks to; empty means none."""
    carrier_simulator_webhook_url: HttpUrl = ""
    carrier_dispatch_after: Delay = timedelta(seconds=3)
    """The time from the creation of a parcel to its dispatch by the carrier simulator."""
    carrier_deliver_after: Delay = timedelta(seconds=6)
    """The time from the dispatch of a parcel to its delivery by the carrier simulator."""
    simulator_hang: Delay = timedelta(seconds=12)
    """The time that the simulator delays an answer that is meant to time out."""
