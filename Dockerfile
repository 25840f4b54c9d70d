# Jupyter with pare's kernel and notebooks.
#
#   docker build -t pare .
#   docker run --rm -p 127.0.0.1:8888:8888 pare
#
# The address that it prints carries a token; open it in a browser and start 01_quickstart.ipynb.
FROM golang:1.26-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends git make jupyter-notebook \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home lab
USER lab
WORKDIR /home/lab/pare
COPY --chown=lab:lab . .

ENV GOTOOLCHAIN=auto GOEXPERIMENT=simd CGO_ENABLED=0 PATH=/home/lab/pare:$PATH
# Running the first notebook once builds the kernel and fills the build cache, so that cells start quickly.
RUN make pare \
 && pare kernel install --user \
 && pare run notebooks/01_quickstart.ipynb \
 && pare kernel doctor

EXPOSE 8888
CMD ["jupyter", "notebook", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--notebook-dir=notebooks"]
