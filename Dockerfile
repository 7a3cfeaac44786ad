# The official image and the extension: docker build -t postgres-allocation --build-arg POSTGRES=17 .
ARG POSTGRES=17

FROM postgres:$POSTGRES AS build
RUN apt-get update && \
	apt-get install -y --no-install-recommends gcc libc6-dev make postgresql-server-dev-$PG_MAJOR
WORKDIR /usr/src/allocation
COPY Makefile allocation.control ./
COPY sql sql
COPY src src
# Without bitcode: it would inline our functions, which do not take their time there.
RUN make with_llvm=no all install DESTDIR=/install

FROM postgres:$POSTGRES
LABEL org.opencontainers.image.source="https://github.com/example/allocation"
LABEL org.opencontainers.image.licenses="PostgreSQL"
COPY --from=build /install /
