"""Follow one order until its state is final: `python -m demo.watch ORDER_ID`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing

import httpx

from demo.client import Client, Failed
from domain.order.state import FINAL
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from settings_checks import check
from stack.tokens import Role, token


async def watch(settings: Settings, order_id: str) -> None:
    """Print a line for each change.

    Raises Failed if the order does not exist, httpx.TransportError if the API does not answer.
    """
    check(settings, "jwt_secret")
    operator = token(settings.jwt_secret.get_secret_value(), Role.OPERATOR)
    url = f"http://127.0.0.1:{settings.http_port}"
    async with (
        httpx.AsyncClient(base_url=url) as http,
        aclosing(Client(http, url, operator).watch(order_id)) as orders,
    ):
        await http.get("/healthz")  # the watch would wait for the API without a message
        async for order in orders:
            payment, shipment = order["payment"] or {}, order["shipment"] or {}
            sys.stdout.write(
                f"{order['updatedAt']}  {order['status']:<10}  payment {payment.get('status', '-')}"
                f", shipment {shipment.get('status', '-')}\n"
            )
            sys.stdout.flush()
            if order["status"] in FINAL:
                return


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.watch", description=__doc__)
    parser.add_argument("order_id", help="as placeOrder returned it")
    arguments = parser.parse_args()
    try:
        asyncio.run(watch(load_settings(), arguments.order_id))
    except (Failed, SettingsError) as error:
        sys.exit(f"watch: {error}")
    except httpx.TransportError:
        sys.exit("watch: the API does not answer: start the service first, with `make run`")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run_command(main)
