# One image for every process; the command says which: web, worker, sweep or migrate.
# Debian 13 has PostgreSQL 17 as its client: the same version as the server of docker-compose.yml, for backups.
FROM python:3.11-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 EDSS_DATA_DIR=/data
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /app edss && install -d -m 0700 -o edss -g edss /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation --editable .
RUN python -m compileall -q .

USER edss
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["edss-tracker", "health"]
CMD ["edss-tracker", "web", "--host", "0.0.0.0"]
