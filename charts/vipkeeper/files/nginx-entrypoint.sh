#!/bin/sh
# Entry point of the nginx sidecar: POSIX shell, for any stock nginx image (Debian or Alpine), read-only root.
#
# It runs as uid 0 with NET_BIND_SERVICE, SETUID and SETGID and nothing else: no CHOWN, no DAC_OVERRIDE, no KILL. So
# what the workers need is made by the workers' user beforehand (nginx would chown it), and what the agent needs is
# shared through the setgid group of the run folder. nginx commands its workers over a channel: no KILL is needed.
#
# Files in $run:
#   nginx.conf    the wanted configuration; the agent writes it, nobody else
#   reload        FIFO; a line (the generation of nginx.conf) asks for a reload; the line `close-idle` asks for one of
#                 what runs: old workers close idle connections in order
#   result.json   what came of the last request
#   running.conf  the copy that nginx was told to run. A configuration that fails `nginx -t` never gets here
#   good.conf     the last configuration that nginx has run for $settle_s seconds without a complaint
#   emergency.log nginx's [emerg] lines since the last request. `nginx -t` overlooks an address in use; a reload tells
#   status.sock   made by nginx; the agent and the engine look at it
#
# Law: nothing that the agent writes can keep this container from starting. At start the wanted configuration is
# taken when it passes the test and is not one that was tried before and never settled; else the good one; else an
# empty one. The agent sees which generation runs, and asks again.
set -u
umask 0002

run="${VIPKEEPER_RUN_DIR:-/run/vipkeeper}/nginx"
cache=/var/cache/nginx
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so
settle_s=4 # nginx gives up binding an address in use after 5 tries, half a second apart

worker_user() {
    for user in nginx www-data; do
        if id -u "$user" > /dev/null 2>&1; then
            echo "$user"
            return
        fi
    done
    echo nobody
}

# nginx chowns temp folders that are not the workers' own, which needs CAP_CHOWN: let the workers' user make them.
make_temp_folders() {
    folders="$cache/client_temp $cache/proxy_temp $cache/fastcgi_temp $cache/uwsgi_temp $cache/scgi_temp"
    # util-linux; busybox's setpriv does not change users, but its su needs no PAM
    setpriv --reuid="$user" --regid="$(id -g "$user")" --keep-groups mkdir -p -m 0700 $folders 2> /dev/null ||
        su -s /bin/sh "$user" -c "mkdir -p -m 0700 $folders"
}

empty_configuration() {
    cat << END
pid $run/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path $cache/client_temp;
    proxy_temp_path $cache/proxy_temp;
    fastcgi_temp_path $cache/fastcgi_temp;
    uwsgi_temp_path $cache/uwsgi_temp;
    scgi_temp_path $cache/scgi_temp;
    server {
        listen unix:$run/status.sock;
        listen 127.0.0.1:${VIPKEEPER_READINESS_PORT:-9901};
        client_header_timeout 1h; # the engine holds a silent connection
        keepalive_timeout 1h;
        default_type text/plain;
        location = /healthz { return 200 "ok\n"; }
        location = /generation { return 200 "none\n"; }
        location / { return 404; }
    }
}
END
}

# What does not belong into a file that the agent writes. Debian's nginx has stream as a module, others have it built in.
globals() {
    [ -e "$stream_module" ] && echo "load_module $stream_module;"
    echo "daemon off; user $user; error_log stderr warn; error_log $run/emergency.log emerg;"
}

# install_file FROM TO: readers see the old one or the new one.
install_file() {
    cp "$1" "$2.new" && mv -f "$2.new" "$2"
}

# passes FILE: the answer, and what nginx said in $output.
passes() {
    output=$(nginx -t -e stderr -c "$1" -g "$(globals)" 2>&1)
}

json_text() {
    printf '%s\n' "$1" | tail -c 4000 | tr '\t' ' ' | tr -d '\000-\010\013-\037' |
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/$/\\n/' | tr -d '\n'
}

# report GENERATION true|false OUTPUT
report() {
    printf '{"generation": "%s", "ok": %s, "output": "%s"}\n' \
        "$(json_text "$1" | sed -e 's/\\n$//')" "$2" "$(json_text "$3")" > "$run/result.json.new" &&
        mv -f "$run/result.json.new" "$run/result.json"
}

# A configuration under which nginx is alive and silent for $settle_s seconds is a good one.
settle() {
    sleep "$settle_s"
    if [ ! -s "$run/emergency.log" ] && ! cmp -s "$run/running.conf" "$run/good.conf"; then
        install_file "$run/running.conf" "$run/good.conf"
    fi
}

reload() {
    if ! cp "$run/nginx.conf" "$run/candidate.conf"; then
        report "$1" false "nginx.conf can't be read"
    elif passes "$run/candidate.conf"; then
        mv -f "$run/candidate.conf" "$run/running.conf"
        : > "$run/emergency.log"
        kill -HUP "$nginx_pid"
        report "$1" true "$output"
    else
        : > "$run/emergency.log" # the words of the test, not of the nginx that runs
        report "$1" false "$output"
    fi
}

# Open for reading and writing: so it never ends and no line is lost between two readers.
serve_reloads() {
    exec 3<> "$run/reload"
    settle &
    while read -r generation <&3; do
        if [ "$generation" = close-idle ]; then # from the engine, before a planned move
            kill -HUP "$nginx_pid"
            continue
        fi
        reload "$generation"
        kill "$!" 2> /dev/null # one settling at a time, counted from the last reload
        wait "$!" 2> /dev/null
        settle &
    done
}

never_settled() {
    cmp -s "$1" "$run/running.conf" && ! cmp -s "$1" "$run/good.conf"
}

choose_configuration() {
    if [ -s "$run/nginx.conf" ]; then
        if never_settled "$run/nginx.conf"; then
            echo "entrypoint: nginx.conf never ran well, trying the last good one" >&2
        elif passes "$run/nginx.conf"; then
            install_file "$run/nginx.conf" "$run/running.conf"
            return
        else
            echo "entrypoint: nginx.conf fails its test, trying the last good one: $output" >&2
        fi
    fi
    if [ -s "$run/good.conf" ] && passes "$run/good.conf"; then
        install_file "$run/good.conf" "$run/running.conf"
        return
    fi
    echo "entrypoint: starting with an empty configuration" >&2
    empty_configuration > "$run/running.conf.new" && mv -f "$run/running.conf.new" "$run/running.conf"
}

user=$(worker_user)
nginx_pid=$$ # stays the same through exec
mkdir -p "$run"
make_temp_folders || echo "entrypoint: $user can't make its folders in $cache" >&2
[ -p "$run/reload" ] || { rm -f "$run/reload" && mkfifo -m 0660 "$run/reload"; }
choose_configuration
: > "$run/emergency.log"
rm -f "$run/status.sock" # left by a SIGKILL or by a test: nginx would fail to bind it for ever
serve_reloads &
exec nginx -e stderr -c "$run/running.conf" -g "$(globals)"
