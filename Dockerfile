# vidcondense on a CPU: docker build -t vidcondense . && docker run --rm -v "$PWD:/work" vidcondense demo
FROM python:3.12-slim
COPY . /src
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu /src && rm -r /src
WORKDIR /work
ENTRYPOINT ["vidcondense"]
