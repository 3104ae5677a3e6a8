#!/bin/sh
# The operator's own configuration, else what `holdfast alerts send-to` made, else nobody is told.
set -eu
config=/etc/holdfast/alertmanager.yml
for own in /run/holdfast/alertmanager.yml /run/holdfast/routing.yml; do
  if [ -s "$own" ]; then config=$own; break; fi
done
# One instance has no peers to gossip with, hence no cluster address.
exec prometheus-alertmanager --config.file="$config" --web.config.file=/etc/holdfast/web.config.yml \
  --web.listen-address=:9093 --cluster.listen-address= --storage.path=/data --log.format=json --log.level=warn
