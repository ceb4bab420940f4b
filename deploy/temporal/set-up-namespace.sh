#!/bin/sh
# Makes the namespace and the search attributes that Fairlead's workflows need: safe to run again.
# Who runs it says where by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and, for a new one, TEMPORAL_RETENTION.
set -eu

PATIENCE_SECONDS=60

# A server that has just started, or has just made a namespace, does not know it at once.
until_it_works() {
  waited=0
  until "$@"; do
    if [ "$waited" -ge "$PATIENCE_SECONDS" ]; then
      echo "gave up after $PATIENCE_SECONDS s: $*" >&2
      exit 1
    fi
    waited=$((waited + 1))
    sleep 1
  done
}

until_it_works temporal operator cluster health

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"

until_it_works temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name ShipId --type Keyword \
  --name MigrationPhase --type Keyword \
  --name PercentDone --type Double \
  --name MigratedThrough --type Datetime \
  --name FailedChunks --type Int \
  --name SensorName --type Keyword \
  --name ConnectionState --type Keyword \
  --name Reconnects --type Int

has_all_attributes() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -q Reconnects
}
until_it_works has_all_attributes
