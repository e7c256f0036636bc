"""A payment provider to develop and test against: the part of Stripe's API that Waybill uses.

Run it with `python -m providers.payment_simulator`. What a payment does is chosen by its
payment method; see `methods.py`. `GET /books` tells what really happened for each order,
`POST /control` orders faults, `DELETE /control` takes them back.
"""
