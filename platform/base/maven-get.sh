#!/bin/sh
# maven-get GROUP:ARTIFACT:VERSION[:PACKAGING[:CLASSIFIER]] FILE   one artifact from Maven Central, checksum verified by Maven.
# Trusts the CA bundle of the building host as well, where the build passes one (see ARCHITECTURE.md).
set -eu
if [ -f /run/host-ca.crt ]; then
  openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -in /run/host-ca.crt -out /tmp/host-ca.p12 -passout pass:changeit
  MAVEN_OPTS="-Djavax.net.ssl.trustStore=/tmp/host-ca.p12 -Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStoreType=PKCS12 ${MAVEN_OPTS:-}"
  export MAVEN_OPTS
fi
mvn --batch-mode --no-transfer-progress --strict-checksums \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="$1" -DoutputDirectory="$(dirname "$2")" -Dmdep.stripVersion=true >&2
