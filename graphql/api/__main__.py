"""Run the API: `python -m api`."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from api.monitoring import require_ports
from api.server import server_config
from kit.command import run_command
from kit.listening import CannotListen
from settings import SettingsError, load_settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    options = parser.parse_args()
    try:
        require_ports(load_settings(), options.host, options.port)
    except (SettingsError, CannotListen) as error:
        sys.exit(f"waybill: {error}")
    uvicorn.Server(server_config("api.app:app", host=options.host, port=options.port)).run()


if __name__ == "__main__":
    run_command(main)
