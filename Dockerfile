# One image for the API, the worker, the migrations and the simulators. The command selects one.
# The image has no health check. Each service in docker-compose.yml defines its own.

FROM python:3.13.14-slim-trixie AS packages

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY locks/production.lock /
# Wheels only, so no compiler is needed here or later. Bytecode would add 74 MB; without it a process
# takes 3 s more to start: see tools/image_size.py.
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes --only-binary=:all: --no-compile --requirement /production.lock \
    && /venv/bin/pip uninstall --yes pip


FROM python:3.13.14-slim-trixie

ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app:/app/graphql \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WAYBILL_DATA_DIR=/data \
    WAYBILL_ENVIRONMENT=production

# A new volume at /data takes its owner from here.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin waybill \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data \
    && printf '#!/bin/sh\nexec python -P -m cli "$@"\n' >/usr/local/bin/waybill \
    && chmod 0755 /usr/local/bin/waybill

COPY --from=packages /venv /venv
# Owned by root, so that the service cannot change its own code. .dockerignore selects the files.
COPY . /app

WORKDIR /app
# By number, so that a host can tell that it is not root.
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "api", "--host", "0.0.0.0", "--port", "8000"]
