#!/bin/sh
# Formats the storage once, renders the exporter's key store to tmpfs and becomes the broker.
set -eu
umask 077

# The exporter reads PKCS #12 only. Its password protects nothing more than the file's mode does, so each start makes one up.
password=$(openssl rand -hex 16)
printf '%s' "$password" > /run/kafka/exporter.password
openssl pkcs12 -export -name kafka -in /run/holdfast/tls.crt -inkey /run/holdfast/tls.key \
  -passout file:/run/kafka/exporter.password -out /run/kafka/exporter.p12
rm /run/kafka/exporter.password
cat > /run/kafka/exporter.yaml <<YAML
httpServer:
  ssl:
    keyStore: { filename: /run/kafka/exporter.p12, password: "$password" }
    certificate: { alias: kafka }
$(cat /etc/kafka/exporter.yaml)
YAML

export CLASSPATH='/opt/kafka/libs/*'
settings=/etc/kafka/server.properties
java="java -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Dlog4j2.configurationFile=/etc/kafka/log4j2.yaml"

# The formatter writes meta.properties last: as long as it is missing, formatting again is right and loses nothing.
if [ ! -f /var/lib/kafka/meta.properties ]; then
  cluster=$(openssl rand -base64 16 | tr '+/' '-_' | tr -d '=')
  $java -Xmx64m kafka.tools.StorageTool format --standalone --ignore-formatted --cluster-id="$cluster" --config "$settings"
fi

exec $java -Xms320m -Xmx320m -XX:MaxDirectMemorySize=64m \
  -javaagent:/opt/kafka/jmx_prometheus_javaagent.jar=9404:/run/kafka/exporter.yaml kafka.Kafka "$settings"
