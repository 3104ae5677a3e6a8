#!/bin/bash
# Asks the broker over mutual TLS which versions of the protocol it speaks. It answers once it has caught up with its metadata and
# takes requests, so this is readiness and not only an open port; it costs a TLS handshake and no JVM.
set -u
coproc tls { exec openssl s_client -quiet -connect localhost:9093 -servername kafka -verify_hostname kafka -verify_return_error \
  -CAfile /run/holdfast/ca.crt -cert /run/holdfast/tls.crt -key /run/holdfast/tls.key 2>/dev/null; }
# Subshells, and so pipelines, do not see a coprocess's descriptors: this copy they do.
exec 3<&"${tls[0]}"
# size 10, ApiVersions (18), version 0, correlation 7, no client id
printf '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff' >&"${tls[1]}"
answer=$(timeout 4 head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n')
# shellcheck disable=SC2154 # coproc sets it.
kill "$tls_PID" 2>/dev/null
# after the size: correlation 7, error 0
[[ $answer == ????????000000070000 ]]
