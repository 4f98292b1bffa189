# One image for every process; the command says which: web, worker, sweep or migrate.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 EDSS_DATA_DIR=/data
RUN useradd --system --uid 10001 --home-dir /app edss && install -d -o edss -g edss /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation --editable . && python -m compileall -q .

USER edss
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s CMD ["edss-tracker", "health"]
CMD ["edss-tracker", "web", "--host", "0.0.0.0"]
