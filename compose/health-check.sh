#!/bin/sh
# Asks the server how it is, and warns when it is unhealthy, its memory is high, or an account needs
# a human. For cron, which mails what is printed:
#
#   */5 * * * * /opt/wa-manager/compose/health-check.sh
#
# HEALTH_URL  where to ask (http://localhost:5001/health)
# MEMORY_MB   the resident memory of the server process, in MB, above which to warn (1500)
#
# Exit code: 0 when all is well, 1 after a warning. Needs curl.
set -u

url=${HEALTH_URL:-http://localhost:5001/health}
threshold=${MEMORY_MB:-1500}
code=0

warn() {
    echo "⚠️ $1"
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

needy=$(printf '%s\n' "$report" | sed -n 's/.*"attention": *\[\([^]]*\)\].*/\1/p' | tr '{' '\n' |
    sed -n 's/"accountId": *"\([^"]*\)", *"status": *"\([^"]*\)", *"cause": *"\([^"]*\)".*/Account \1 needs a human: \2 (\3)/p')
while read -r account; do
    [ -z "$account" ] || warn "$account"
done <<EOF
$needy
EOF
exit "$code"
