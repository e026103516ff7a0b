# Two stages: the first installs from the hashed lock, the second holds nothing but Python, the packages and the model.
#   docker build -t parley .
#   python -m service.keys desk --file keys.txt && chmod 644 keys.txt
#   docker run --rm -p 8000:8000 --read-only --tmpfs /tmp \
#     -v ./keys.txt:/run/secrets/keys:ro -e STANCE_KEYS_FILE=/run/secrets/keys parley
# 644, as the image's user, 10001, must read the file; it holds hashes of keys and no key.
# It listens for everybody and so does not start without keys; to try it on your own machine:
#   docker run --rm -p 127.0.0.1:8000:8000 -e STANCE_INSECURE=true parley
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/serve.lock ./
RUN python -m venv /venv \
 && /venv/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: -r serve.lock \
 && /venv/bin/python -m pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
# A number, not a name: orchestrators can check that it is not root without reading /etc/passwd.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin parley
WORKDIR /app
COPY --from=build /venv /venv
# The whole artifact, model.safetensors too, which only the torch engine reads: the manifest is verified as a whole.
COPY models ./models
COPY service ./service
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STANCE_HOST=0.0.0.0 STANCE_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['STANCE_PORT']}/health/ready\", timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "service"]
