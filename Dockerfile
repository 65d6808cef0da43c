# The same handler as a container image, for artifacts past the layers' 250 MB (an image may have 10 GB).
# `make image` fills build/image first: the same pruned, compiled packages as the layer's, so nothing is installed here.
ARG PYTHON=3.13
ARG ARCH=x86_64
FROM public.ecr.aws/lambda/python:${PYTHON}-${ARCH}

ENV ARTIFACT_DIR=/opt/artifact ORT_DISABLE_TELEMETRY=1 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=1048576
# What changes least first: a new corpus pushes its own layer alone.
COPY build/image/python/ /var/task/
COPY build/image/handler/ /var/task/handler/
COPY build/image/artifact/ /opt/artifact/

CMD ["handler.app.handler"]
