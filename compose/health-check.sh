#!/bin/sh
# Asks the server how it is, and warns when it is unhealthy, its memory is high, or an account needs
# a human or stays away from WhatsApp. For cron, which mails what is printed:
#
#   */5 * * * * /opt/wa-manager/compose/health-check.sh [http://localhost:5001/health]
#
# The address is the argument, or HEALTH_URL; without both it is the one above. MEMORY_MB is the
# resident memory of the server process, in MB, above which to warn (1500).
#
# Exit code: 0 when all is well, 1 after a warning, 2 when it is called wrongly. Needs curl.
set -u

if [ $# -gt 1 ]; then
    echo "usage: $0 [http://localhost:5001/health]" >&2
    exit 2
fi
url=${1:-${HEALTH_URL:-http://localhost:5001/health}}
case "$url" in
    http://*/health | https://*/health) ;;
    http://* | https://*) url="${url%/}/health" ;;
    *)
        echo "$0: $url is no address: it begins with http:// or https://" >&2
        exit 2
        ;;
esac
threshold=${MEMORY_MB:-1500}
code=0

warn() {
    printf '⚠️ %s\n' "$1"
    code=1
}

# While it stops, the server answers 503 with a report all the same.
report=$(curl --silent --max-time 10 "$url" | tr -d '\n')
status=$(printf '%s\n' "$report" | sed -n 's/^{ *"status": *"\([a-z_]*\)".*/\1/p')
rss=$(printf '%s\n' "$report" | sed -n 's/.*"memory": *{[^}]*"rss": *\([0-9]*\).*/\1/p')

reason=$(printf '%s\n' "$report" | sed -n 's/^{[^,]*, *"reason": *"\([^"]*\)".*/ (\1)/p')
[ "$status" = ok ] || warn "Server unhealthy: ${status:-unreachable}$reason"
if [ -n "$rss" ] && [ "$rss" -gt "$threshold" ]; then
    warn "High memory usage: ${rss}MB"
fi

# The accounts under "attention", one in a line; a name may hold anything; JSON escapes quotes in it.
account='"accountId": *"\([^"]*\)", *"status": *"\([^"]*\)", *"cause": *"\([^"]*\)", *"since": *"\([^"]*\)"'
name='"name": *"\(\([^"\\]\|\\.\)*\)"'
needy=$(printf '%s\n' "$report" | sed 's/{ *"accountId"/\
"accountId"/g' | sed -n \
    -e "s/^$account, *\"needsHuman\": *true, *$name.*/Account \"\5\" (\1) needs a human: \2 (\3)/p" \
    -e "s/^$account, *\"needsHuman\": *false, *$name.*/Account \"\5\" (\1) is away from WhatsApp since \4: \2 (\3)/p")
while read -r line; do
    [ -z "$line" ] || warn "$line"
done <<EOF
$needy
EOF
exit "$code"
