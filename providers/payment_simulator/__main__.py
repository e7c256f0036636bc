from __future__ import annotations

from kit.command import run_command
from kit.listening import CannotListen
from providers.payment_simulator.app import payment_simulator
from providers.simulation.config import SimulatorConfig
from providers.simulation.service import serve
from providers.simulation.store import UnusableFile
from settings import Settings, SettingsError, load_settings
from settings_checks import check, check_simulators_allowed


def run(settings: Settings) -> None:
    check_simulators_allowed(settings)
    check(settings, "payment_api_key", "payment_webhook_secret")
    config = SimulatorConfig(
        port=settings.payment_simulator_port,
        file=settings.data_dir / "payment-simulator.sqlite3",
        api_key=settings.payment_api_key.get_secret_value(),
        webhook_url=settings.payment_simulator_webhook_url,
        webhook_secret=settings.payment_webhook_secret.get_secret_value(),
        hang_seconds=settings.simulator_hang.total_seconds(),
        hold_seconds=settings.payment_hold.total_seconds(),
    )
    setting = "WAYBILL_PAYMENT_SIMULATOR_PORT"
    serve(payment_simulator(config), settings.simulator_host, config.port, setting)


def main() -> str | None:
    try:
        run(load_settings())
    except (SettingsError, CannotListen, UnusableFile) as error:
        return f"payment-simulator: {error}"
    return None


if __name__ == "__main__":
    run_command(main)
