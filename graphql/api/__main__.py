"""Run the API: `python -m api`."""

from __future__ import annotations

import argparse
import sys

from api.app import create_app
from api.draining import DrainingServer
from api.monitoring import require_ports
from api.server import server_config
from kit.command import run_command
from kit.listening import CannotListen
from kit.restart import is_database_away
from observability.logs import set_up_logs
from settings import Environment, SettingsError, load_settings
from temporal.client import is_temporal_away


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    options = parser.parse_args()
    set_up_logs(is_away=is_away)
    try:
        settings = load_settings()
        set_up_logs(
            settings.log_level,
            as_json=settings.environment is Environment.PRODUCTION,
            is_away=is_away,
        )
        require_ports(settings, options.host, options.port)
        app = create_app(settings)
    except (SettingsError, CannotListen) as error:
        sys.exit(f"waybill: {error}")
    config = server_config(app, host=options.host, port=options.port, log_config=None)
    DrainingServer(config, app, settings.api_drain).run()


def is_away(error: BaseException) -> bool:
    return is_database_away(error) or is_temporal_away(error)


if __name__ == "__main__":
    run_command(main)
