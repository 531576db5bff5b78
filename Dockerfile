# The image of `lookalike`: API, worker and every other command.
#
#   docker build --tag lookalike .
#   docker run --rm lookalike --help

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
# Without pip: the environment is copied as it is, and what runs it installs nothing.
RUN python -m venv --without-pip /opt/lookalike
# The dependencies alone first: a change of code leaves this layer, TensorFlow in it, as it is.
COPY pyproject.toml constraints.txt ./
# Names of extras beside them, such as "s3 gs".
ARG EXTRAS=
RUN python -c "import sys, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*project['dependencies'], *(line for extra in sys.argv[1:] for line in project['optional-dependencies'][extra]), sep='\n')" $EXTRAS > requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/lookalike/bin/python install --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY app app
COPY worker worker
COPY migrations migrations
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/lookalike/bin/python install --no-deps .

FROM python:3.12-slim-bookworm
# By number, so that mounted files can be given to it, and so that any host sees it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/lookalike \
        --shell /usr/sbin/nologin lookalike \
    && install --directory --owner lookalike --group lookalike /var/lib/lookalike
COPY --from=build /opt/lookalike /opt/lookalike
# Keras's downloads lie beside the weights, so that one volume keeps both.
ENV PATH=/opt/lookalike/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOOKALIKE_HOME=/var/lib/lookalike \
    KERAS_HOME=/var/lib/lookalike/keras
USER 10001:10001
WORKDIR /var/lib/lookalike
EXPOSE 8000
STOPSIGNAL SIGTERM
# The image has no curl. And not urllib: Docker hands a client's proxy on to the containers, and
# urllib would ask that proxy for 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection; api = HTTPConnection('127.0.0.1', 8000, timeout=4); api.request('GET', '/healthz'); raise SystemExit(api.getresponse().status != 200)"]
ENTRYPOINT ["lookalike"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
