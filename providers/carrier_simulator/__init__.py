"""A carrier to develop and test against; its interface is docs/CARRIER.md.

Run it with `python -m providers.carrier_simulator`. It dispatches and delivers by itself; what a
shipment does is chosen by the postal code of its address, see `routes.py`. `GET /books` tells
what really happened for each order, `POST /control` orders faults, `DELETE /control` takes them
back.
"""
