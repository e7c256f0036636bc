from __future__ import annotations

from kit.command import run_command
from kit.listening import CannotListen
from providers.carrier_simulator.app import carrier_simulator
from providers.carrier_simulator.shipments import Pace
from providers.simulation.config import SimulatorConfig
from providers.simulation.service import serve
from providers.simulation.store import UnusableFile
from settings import Settings, SettingsError, load_settings
from settings_checks import check, check_simulators_allowed


def run(settings: Settings) -> None:
    check_simulators_allowed(settings)
    check(settings, "carrier_api_key", "carrier_webhook_secret")
    config = SimulatorConfig(
        port=settings.carrier_simulator_port,
        file=settings.data_dir / "carrier-simulator.sqlite3",
        api_key=settings.carrier_api_key.get_secret_value(),
        webhook_url=settings.carrier_simulator_webhook_url,
        webhook_secret=settings.carrier_webhook_secret.get_secret_value(),
        hang_seconds=settings.simulator_hang.total_seconds(),
    )
    pace = Pace(
        settings.carrier_dispatch_after.total_seconds(),
        settings.carrier_deliver_after.total_seconds(),
    )
    setting = "WAYBILL_CARRIER_SIMULATOR_PORT"
    serve(carrier_simulator(config, pace), settings.simulator_host, config.port, setting)


def main() -> str | None:
    try:
        run(load_settings())
    except (SettingsError, CannotListen, UnusableFile) as error:
        return f"carrier-simulator: {error}"
    return None


if __name__ == "__main__":
    run_command(main)
