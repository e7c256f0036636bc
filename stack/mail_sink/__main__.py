from __future__ import annotations

from kit.command import run_command
from kit.listening import CannotListen, require_port
from providers.simulation.service import serve
from settings import Settings, SettingsError, load_settings
from settings_checks import check_simulators_allowed
from stack.mail_sink.app import SinkConfig, mail_sink


def run(settings: Settings) -> None:
    check_simulators_allowed(settings)
    host = settings.simulator_host
    require_port("WAYBILL_SMTP_PORT", host, settings.smtp_port)
    app = mail_sink(SinkConfig(host, settings.smtp_port, settings.data_dir / "mails"))
    serve(app, host, settings.mail_sink_port, "WAYBILL_MAIL_SINK_PORT")


def main() -> str | None:
    try:
        run(load_settings())
    except (SettingsError, CannotListen) as error:
        return f"mail-sink: {error}"
    return None


if __name__ == "__main__":
    run_command(main)
