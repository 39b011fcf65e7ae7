# The flow's image: for the Docker and ECS work pools, for `docker run` by hand (`land` without a server), and for the server and worker of
# deployments/compose.yaml. No ENTRYPOINT: workers bring their own command. No HEALTHCHECK: most of its containers live
# for one run, and compose.yaml checks the two services that stay.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# Without pip: the image installs nothing later.
RUN python -m venv --without-pip /opt/venv
COPY locks/run.txt /tmp/requirements.txt
RUN python -m pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: -r /tmp/requirements.txt
# What the flow never imports: the test suites of pandas and numpy, the machine-readable API of the AWS services that it
# does not call (kept are S3, STS and SSO, and what the ECS worker needs).
RUN cd /opt/venv/lib/python3*/site-packages \
 && rm -r pandas/tests numpy/tests numpy/*/tests \
 && cd botocore/data \
 && find . -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin \
      ! -name ecs ! -name ec2 ! -name logs ! -name secretsmanager -exec rm -r {} +

FROM python:3.13-slim
LABEL org.opencontainers.image.title="csv-to-raw-lake" \
      org.opencontainers.image.description="Lands CSV files, unchanged and proven, in the raw layer of an S3 data lake" \
      org.opencontainers.image.version="0.3.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin ingestao \
 && install -d -o ingestao -g ingestao /datalake/raw/data /var/lib/prefect
COPY --from=build /opt/venv /opt/venv
WORKDIR /datalake/raw
COPY . ./
# `docker run IMAGE land …`: programs, and no ENTRYPOINT.
RUN printf '#!/bin/sh\nexec python -m deployments.cli "$@"\n' > /usr/local/bin/csv-to-raw-lake \
 && printf '#!/bin/sh\nexec python -m deployments.cli land "$@"\n' > /usr/local/bin/land \
 && chmod 755 /usr/local/bin/csv-to-raw-lake /usr/local/bin/land
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/datalake/raw \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
USER ingestao
VOLUME /datalake/raw/data
CMD ["python", "-m", "deployments.once"]
