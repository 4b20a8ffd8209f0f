# The server with the embedded model, for CPUs:
#     docker build -t glm-tts .
#     docker run --rm -p 127.0.0.1:8000:8000 -v glm-tts-voices:/voices -e GLMTTS_API_KEYS=SECRET glm-tts
# for NVIDIA GPUs, with the index of PyTorch's wheels for your driver:
#     docker build -t glm-tts:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#     docker run --rm --gpus all -p 127.0.0.1:8000:8000 -e GLMTTS_API_KEYS=SECRET glm-tts:cuda --device cuda
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH=2.13.0
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# PyTorch by itself: the layer stays while only this project changes
RUN python -m venv /opt/glm-tts && /opt/glm-tts/bin/pip install --index-url "${TORCH_INDEX}" --extra-index-url https://pypi.org/simple "torch==${TORCH}"
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN /opt/glm-tts/bin/pip install "/src[server]"

FROM python:${PYTHON}-slim
RUN useradd --create-home --uid 10001 glmtts && install -d -o glmtts -g glmtts /voices
COPY --from=build /opt/glm-tts /opt/glm-tts
ENV PATH=/opt/glm-tts/bin:$PATH OMP_WAIT_POLICY=PASSIVE
USER 10001
VOLUME /voices
EXPOSE 8000
# ready within seconds; the released weights take minutes. Not by urllib: it asks the proxy that Docker gives containers
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m --start-interval=2s \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
# without a key it does not start: it can be reached from outside
ENTRYPOINT ["glm-tts", "serve", "--host", "0.0.0.0", "--voices", "/voices"]
