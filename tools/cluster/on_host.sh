#!/bin/sh
# on_host.sh HOST COMMAND..: runs it on a host of hosts.sh, as ssh would: the words are joined and given to a shell.
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host && $*"
