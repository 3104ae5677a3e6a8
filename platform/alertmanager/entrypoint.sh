#!/bin/sh
# The operator's own configuration, else the webhook, else nobody.
set -eu
config=/etc/holdfast/alertmanager.yml
if [ -s /run/holdfast/alertmanager.yml ]; then
  config=/run/holdfast/alertmanager.yml
elif [ -s /run/holdfast/alert-webhook-url ]; then
  config=/etc/holdfast/alertmanager-webhook.yml
fi
# One instance has no peers to gossip with, hence no cluster address.
exec prometheus-alertmanager --config.file="$config" --web.config.file=/etc/holdfast/web.config.yml \
  --web.listen-address=:9093 --cluster.listen-address= --storage.path=/data --log.format=json --log.level=warn
