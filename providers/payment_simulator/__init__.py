"""A payment provider to develop and test against: the part of Stripe's API that Waybill uses.

Run it with `python -m providers.payment_simulator`. The payment method chooses what a payment does;
see `methods.py`. `GET /effects` returns the real effects for each order. `POST /control` sets
faults, and `DELETE /control` removes them.
"""
