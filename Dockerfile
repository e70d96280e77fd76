# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY pyproject.toml uv.lock .python-version ./
RUN uv sync --frozen --no-dev
COPY manage.py ./
COPY fund fund
COPY investors investors
COPY portal portal
RUN .venv/bin/pybabel compile --directory portal/locale --domain django

FROM node:24.19.0-slim AS files
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM build AS static
COPY --from=files /app/node_modules node_modules
# LOCAL stands in for the secrets, which a build has no business knowing; nothing of it reaches the image.
RUN DJANGO_SETTINGS_MODULE=portal.settings LOCAL=1 RUN_DIR=/tmp/run STATIC_RELEASE=1 .venv/bin/python -c "\
import django; django.setup(); \
from django.core.management import call_command; call_command('collectstatic', interactive=False, verbosity=0)"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /srv/kakehashi kakehashi \
    && mkdir -p /srv/kakehashi/run /srv/kakehashi/media \
    && chown -R kakehashi:kakehashi /srv/kakehashi
WORKDIR /app
COPY --from=build /app /app
COPY --from=static /app/static static
# The fonts of the documents
COPY --from=files /app/node_modules/@expo-google-fonts node_modules/@expo-google-fonts
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=portal.settings \
    DEBUG=0 STATIC_RELEASE=1 RUN_DIR=/srv/kakehashi/run MEDIA_ROOT=/srv/kakehashi/media
USER kakehashi
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-m", "portal.probe"]
CMD ["granian", "--interface", "rsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--no-ws", "--loop", "uvloop", "--backlog", "4096", \
     "--backpressure", "4096", "--http1-header-read-timeout", "10000", "portal.rsgi:application"]
