#!/bin/sh
# maven-get GROUP:ARTIFACT:VERSION[:PACKAGING[:CLASSIFIER]] FILE [SHA256]   one artifact from Maven Central
# maven-get --runtime POM DIRECTORY                                          the runtime dependencies that a pom.xml declares, transitively
# Maven verifies the repository's checksums and refuses what has none. SHA256 is for an artifact that a repository may hold without
# checksums: then the file must be the very one that was pinned. The CA bundle of the building host is trusted as well, where the build passes one (see ARCHITECTURE.md).
set -eu
if [ -f /run/host-ca.crt ]; then
  openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -in /run/host-ca.crt -out /tmp/host-ca.p12 -passout pass:changeit
  export MAVEN_OPTS="-Djavax.net.ssl.trustStore=/tmp/host-ca.p12 -Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStoreType=PKCS12 ${MAVEN_OPTS:-}"
fi

maven() {
  mvn --batch-mode --no-transfer-progress "$@" >&2
}

plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
if [ "$1" = --runtime ]; then
  maven --strict-checksums --file "$2" "$plugin:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$3" "-Dkafka.version=${KAFKA_VERSION:-}"
else
  # The plugin names the file after the artifact: a directory of its own makes it the only one there.
  directory=$(mktemp -d)
  if [ -n "${3:-}" ]; then policy=--lax-checksums; else policy=--strict-checksums; fi
  maven "$policy" "$plugin:copy" -Dartifact="$1" -DoutputDirectory="$directory"
  if [ -n "${3:-}" ] && ! echo "$3  $(echo "$directory"/*)" | sha256sum --check --status; then
    echo "maven-get: $1 has the SHA-256 $(sha256sum "$directory"/* | cut -d' ' -f1), not the pinned $3" >&2
    exit 1
  fi
  mv "$directory"/* "$2"
  rmdir "$directory"
fi
