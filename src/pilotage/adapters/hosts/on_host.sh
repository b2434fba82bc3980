# What Pilotage runs on a host: sh VERB BASE [ARGUMENTS], with POSIX sh, coreutils, grep, and util-linux's flock and
# setsid. Every verb may be repeated after a cut connection. The first line of an answer is "pilotage 1".
#
#   list BASE STEADY|ALL     a line for each instance: name version port number running stopping age rss cpu detail
#   start BASE NAME VERSION PORT NUMBER [LIMITS]      the program on standard input, as lines of sh
#   stop BASE NAME SIGNAL HUNDREDTHS                 of a second
#   log BASE NAME
#   units BASE MANAGER PREFIX                         the units of systemd, as lines and as `systemctl show` has them
#   unit_start BASE MANAGER UNIT [RELEASE]
#   unit_stop BASE MANAGER UNIT
#   release BASE NAME DIGEST                          ready, uploaded or nothing; and kilobytes that are free
#   unpack BASE NAME DIGEST PACKED KEEP VERSION
#   made BASE NAME MARK                               runs the program on standard input once, in the release
#   check BASE               what keeps the program on standard input from starting, a word and a detail
#
# Versions and details are base64. BASE/instances/NAME is the record of an instance: version port number pid start boot.
# Its process carries the record's path in PILOTAGE_PROCESS, and all but the last three in PILOTAGE_PROCESS_FACTS.
set -u
umask 077
unset CDPATH
if [ "$1" = launch ]; then
    # A program sees where programs are and how to write, and what the configuration names.
    for variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        case $variable in
        PATH | HOME | USER | LOGNAME | SHELL | LANG | LANGUAGE | LC_* | TZ | TMPDIR) ;;
        *) unset "$variable" 2>/dev/null ;;
        esac
    done
else
    echo "pilotage 1"
fi
verb=$1 base=$2
shift 2
most=16777216 # bytes of a log
records=$base/instances logs=$base/logs
read -r boot </proc/sys/kernel/random/boot_id

# Field 22 of /proc/PID/stat, the start in ticks since boot, and others; empty where no such process lives.
look() {
    start='' state='' stat_line=''
    [ -n "$1" ] && [ -r "/proc/$1/stat" ] || return 1
    # A process may have a line feed in its name.
    while read -r stat_part; do stat_line="$stat_line $stat_part"; done 2>/dev/null <"/proc/$1/stat"
    [ -n "$stat_line" ] || return 1
    # shellcheck disable=SC2086
    set -- ${stat_line##*) }
    state=$1 session=$4 ticks=$((${12} + ${13})) start=${20} rss=${22}
    [ "$state" != Z ] && [ "$state" != X ]
}

# The record of an instance; whether its process lives.
load() {
    version='' port='' number='' pid='' began='' of_boot=''
    [ -f "$records/$1" ] && read -r version port number pid began of_boot <"$records/$1" && [ -n "$of_boot" ]
}
lives() { [ "$of_boot" = "$boot" ] && look "$pid" && [ "$start" = "$began" ]; }

# Processes that carry the mark of this instance, or of any instance of this base.
marked() {
    # A name may be the beginning of another, so the line is compared whole.
    for entry in $(grep -lsF "PILOTAGE_PROCESS=$records/" /proc/[0-9]*/environ); do
        one=${entry#/proc/} one=${one%/environ}
        [ "$one" != "$$" ] && look "$one" || continue
        mark=$(tr '\0' '\n' <"$entry" 2>/dev/null | grep -sF "PILOTAGE_PROCESS=$records/" | head -n 1)
        mark=${mark#PILOTAGE_PROCESS="$records"/}
        [ -z "${1:-}" ] || [ "$mark" = "$1" ] || continue
        echo "$one $mark $start $session"
    done
}

save() { # name
    printf '%s\n' "$version $port $number $pid $began $boot" >"$records/.$1.$$" && mv -f "$records/.$1.$$" "$records/$1"
}

# Write again the records of processes that run without one.
adopt() {
    marked "${1:-}" | while read -r one name started of_session; do
        [ "$one" = "$of_session" ] || continue
        load "$name" && lives && continue
        facts=$(tr '\0' '\n' <"/proc/$one/environ" 2>/dev/null | grep -s '^PILOTAGE_PROCESS_FACTS=' | head -n 1)
        # shellcheck disable=SC2086
        set -- ${facts#PILOTAGE_PROCESS_FACTS=}
        [ $# -eq 3 ] || continue
        version=$1 port=$2 number=$3 pid=$one began=$started
        save "$name"
    done
}

locked() {
    mkdir -p "$records" "$logs" && exec 9>"$base/lock" && flock 9
}

encoded() { base64 | tr -d '\n'; }

# Hundredths of a second since boot, and ticks in a second.
clock() {
    read -r now idle </proc/uptime
    now=${now%.*}${now#*.} hertz=$(getconf CLK_TCK 2>/dev/null || echo 100)
}

# ── verbs ──────────────────────────────────────────────────────────────────────────────────────────────────────

list() {
    [ -d "$records" ] || mkdir -p "$records" || exit 1
    [ "$1" = STEADY ] || adopt
    clock
    page=$(getconf PAGESIZE 2>/dev/null || echo 4096)
    for record in "$records"/*; do
        name=${record##*/}
        case $name in *.stopping) continue ;; esac
        load "$name" || continue
        running=0 stopping=0 memory=- cpu=- detail=- age=0
        [ -e "$record.stopping" ] && stopping=1
        [ "$of_boot" = "$boot" ] && age=$((now - began * 100 / hertz))
        if lives; then
            running=1 memory=$((rss * page)) cpu=$((ticks * 100 / hertz))
        else
            detail=$(tail -c 4096 "$logs/$name.log" 2>/dev/null | encoded)
        fi
        echo "$name $version $port $number $running $stopping $age $memory $cpu ${detail:--}"
    done
    rotate
}

# A log that has grown is copied and emptied, because its writer holds it open.
rotate() {
    stat -c '%s %n' "$logs"/*.log 2>/dev/null | while read -r size file; do
        [ "$size" -gt "$most" ] || continue
        cp -f "$file" "$file.1" 2>/dev/null || rm -f "$file.1"
        : >"$file"
    done
}

start() {
    name=$1
    locked || exit 1
    # Nothing is started twice, also if the first call was cut off behind the start.
    adopt "$name"
    load "$name" && lives && return 0
    if [ -e "$records/$name.stopping" ] || [ -e "$records/$name" ]; then
        return 0 # it was started, and has ended; its end is still to be told
    fi
    exec 4<&0
    # The program's own shell answers on 3 and closes it, at the latest by its end.
    said=$(setsid sh "$0" launch "$base" "$@" 0<&4 3>&1 >/dev/null 2>&1 4<&- 9>&- &)
    echo "${said:-failed $(echo "the shell that starts it ended" | encoded)}"
}

launch() {
    name=$1 version=$2 port=$3 number=$4 pid=$$
    limits=${5:-}
    look $$
    began=$start
    exec >>"$logs/$name.log" 2>&1
    program=$(cat)
    exec </dev/null
    cd "$base" || refuse folder
    launcher_prlimit=$(command -v prlimit) launcher_setpriv=$(command -v setpriv)
    # What it sets begins with launcher_; its variables are set at the end, by launcher_exports.
    eval "$program"
    program=''
    case $launcher_home in releases/*) current "${launcher_home#releases/}" ;; esac
    [ -z "$launcher_home" ] || cd "$launcher_home" 2>/dev/null || refuse nofolder
    ( PATH=$launcher_path; command -v -- "$1" >/dev/null && [ ! -d "$1" ] ) || refuse missing
    # A shell ignores these for what it starts in the background, and no shell can take that back.
    case $1 in
    *=*) ;;
    *)
        if env --default-signal=INT,QUIT true 2>/dev/null; then
            set -- "$(command -v env)" --default-signal=INT,QUIT "$@"
        elif launcher_perl=$(command -v perl); then
            set -- "$launcher_perl" -e '$SIG{INT}=$SIG{QUIT}="DEFAULT";exec{$ARGV[0]}@ARGV;exit 127' -- "$@"
        fi
        ;;
    esac
    if [ -n "$limits" ]; then
        [ -n "$launcher_prlimit" ] || refuse noprlimit
        # shellcheck disable=SC2086
        "$launcher_prlimit" --pid $$ $limits || refuse limits
    fi
    if [ -n "$launcher_as" ] && [ "$launcher_as" != "$(id -un)" ]; then
        [ -n "$launcher_setpriv" ] || refuse nosetpriv
        launcher_group=$(id -g "$launcher_as") || refuse nouser
        set -- "$launcher_setpriv" --reuid "$launcher_as" --regid "$launcher_group" --init-groups -- "$@"
    fi
    launcher_mark=$records/$name launcher_facts="$version $port $number"
    save "$name" || refuse record
    echo started >&3
    exec 3>&-
    launcher_exports
    export PILOTAGE_PROCESS="$launcher_mark" PILOTAGE_PROCESS_FACTS="$launcher_facts"
    umask 022
    exec "$@"
}

refuse() {
    echo "failed $1" >&3
    exit 1
}

stop() {
    name=$1 signal=$2 patience=$3
    locked || exit 1
    load "$name" || adopt "$name"
    load "$name" || pid=''
    clock
    alive=0
    lives && alive=1
    left=$(marked "$name")
    if [ "$alive" = 0 ] && [ -z "$left" ]; then
        rm -f "$records/$name" "$records/$name.stopping"
        prune
        return 0
    fi
    if read -r asked of_boot 2>/dev/null <"$records/$name.stopping" && [ "$of_boot" = "$boot" ]; then
        again=1
    elif [ -e "$records/$name.stopping" ] && [ ! -s "$records/$name.stopping" ]; then
        # The disk was full: the file alone tells when. What fills a disk must go all the same.
        asked=$(stat -c %Y "$records/$name.stopping") clock_now=$(date +%s)
        again=1 asked=$((now - (clock_now - asked) * 100))
    else
        again=0 asked=$now
        { echo "$now $boot" >"$records/$name.stopping"; } 2>/dev/null
    fi
    if [ $((now - asked)) -ge "$patience" ]; then
        signal=KILL
    elif [ "$again" = 1 ] && [ "$alive" = 1 ]; then
        return 0
    fi
    [ "$alive" = 1 ] && kill -s "$signal" -- "-$pid" 2>/dev/null
    # Those in a session of their own end with their instance.
    [ "$alive" = 1 ] && [ "$signal" != KILL ] && return 0
    echo "$left" | while read -r one rest; do kill -s "$signal" "$one" 2>/dev/null; done
    return 0
}

# Logs of instances that are gone are kept for a while: the newest 20.
prune() {
    ls -t "$logs" 2>/dev/null | grep '\.log$' | tail -n +21 | while read -r file; do
        [ -e "$records/${file%.log}" ] || rm -f "$logs/$file" "$logs/$file.1"
    done
}

log() { tail -c 65536 "$logs/$1.log" 2>/dev/null || true; }

check() {
    launcher_as=''
    for needed in setsid flock base64; do
        command -v "$needed" >/dev/null || { echo "needs $needed"; return; }
    done
    eval "$(cat)"
    # Where it is or would be made.
    there=$base
    while [ ! -e "$there" ]; do there=${there%/*}; there=${there:-/}; done
    [ -d "$there" ] || { echo "notfolder $there"; return; }
    [ -w "$there" ] || { echo "notwritable $there"; return; }
    cd "$there" || return
    if [ -n "$launcher_as" ] && [ "$launcher_as" != "$(id -un)" ]; then
        id -u "$launcher_as" >/dev/null 2>&1 || { echo nouser; return; }
        [ "$(id -u)" = 0 ] || { echo "notroot $(id -un)"; return; }
    fi
    set -- "$(df -Pk . 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)" "$@"
    [ "${1:-0}" -ge "$launcher_room" ] || { echo "full $1"; return; }
    shift
    [ -z "$launcher_home" ] || cd "$launcher_home" 2>/dev/null || { echo nofolder; return; }
    PATH=$launcher_path
    case $1 in
    */*)
        [ ! -d "$1" ] || { echo isfolder; return; }
        [ -e "$1" ] || { echo missing; return; }
        [ -x "$1" ] || { echo notexecutable; return; }
        found=$1
        ;;
    *) found=$(command -v -- "$1") || { echo notonpath; return; } ;;
    esac
    # The interpreter that a script's first line names.
    first=$(head -c 256 "$found" 2>/dev/null | tr '\0' ' ' | head -n 1)
    case $first in
    '#!'*)
        # shellcheck disable=SC2086
        set -f -- ${first#'#!'}
        case ${1:-} in
        */env) command -v -- "${2:-}" >/dev/null || { echo "interpreter $(printf %s "${2:-}" | encoded)"; return; } ;;
        '') ;;
        *) [ -e "$1" ] || { echo "interpreter $(printf %s "$1" | encoded)"; return; } ;;
        esac
        ;;
    esac
    [ -z "$launcher_script" ] || [ -e "$launcher_script" ] || { echo noscript; return; }
    echo fine
}

# ── releases ───────────────────────────────────────────────────────────────────────────────────────────────────
# BASE/releases/NAME is an unpacked version, with the digest of its artifact in .pilotage-digest.

release() {
    room=$(df -Pk "$base" 2>/dev/null || df -Pk "${base%/*}" 2>/dev/null || df -Pk .)
    room=$(echo "$room" | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)
    if [ "$(cat "$base/releases/$1/.pilotage-digest" 2>/dev/null)" = "$2" ]; then
        echo "ready $room"
    elif [ -e "$base/artifacts/$2.tar.gz" ]; then
        echo "uploaded $room"
    else
        echo "nothing $room"
    fi
}

# Whether an instance of the version (in base64) is here, running or not.
used() {
    cut -d ' ' -f 1 "$records"/* 2>/dev/null | grep -qxF "$1" ||
        grep -qsF "# pilotage $1 " "$base"/units/*.service
}

unpack() {
    name=$1 digest=$2 packed=$3 keep=$4 version=$5
    archive=$base/artifacts/$digest.tar.gz place=$base/releases
    mkdir -p "$place" && exec 9>"$base/releases.lock" && flock 9 || exit 1
    [ "$(cat "$place/$name/.pilotage-digest" 2>/dev/null)" != "$digest" ] || return 0
    found=$(sha256sum "$archive" | cut -d ' ' -f 1)
    if [ "$found" != "$packed" ]; then
        rm -f "$archive"
        echo "damaged"
        return 0
    fi
    if [ -e "$place/$name" ] && used "$version"; then
        echo "other"
        return 0
    fi
    rm -rf "$place"/.unpacking.*
    beside=$place/.unpacking.$$
    mkdir "$beside" && tar -xzf "$archive" -C "$beside" --no-same-owner >&2 || { rm -rf "$beside"; exit 1; }
    rm -rf "$beside"/.pilotage-* # a link of this name would lead what is written next elsewhere
    echo "$version" >"$beside/.pilotage-version" && echo "$digest" >"$beside/.pilotage-digest" || { rm -rf "$beside"; exit 1; }
    chmod 755 "$beside"
    rm -rf "$place/.old" && { [ ! -e "$place/$name" ] || mv "$place/$name" "$place/.old"; } || exit 1
    mv "$beside" "$place/$name" || exit 1
    rm -rf "$place/.old" "$archive"
    # The last ones are kept for the way back, and all that have instances.
    ls -t "$place"/*/.pilotage-digest | tail -n "+$((keep + 1))" | while read -r old; do
        old=${old%/*} old=${old##*/}
        told=$(cat "$place/$old/.pilotage-version" 2>/dev/null)
        [ "$old" = "$name" ] || { [ -n "$told" ] && used "$told"; } || rm -rf "${place:?}/$old"
    done
}

# The release that was started last, for people and scripts.
current() {
    [ -d "$base/releases/$1" ] || return 0
    [ "$(readlink "$base/current")" = "releases/$1" ] && return 0
    touch "$base/releases/$1/.pilotage-digest"
    ln -s "releases/$1" "$base/.current.$$" && mv -fT "$base/.current.$$" "$base/current"
}

made() {
    name=$1 mark=$2
    mkdir -p "$base" "$logs" && exec 9>"$base/releases.lock" && flock 9 || exit 1
    done_file=$base/releases/$name/.pilotage-made
    [ -d "$base/releases/$name" ] || done_file=$base/made-$name
    if grep -qsxF "$mark" "$done_file"; then
        echo "already"
        return 0
    fi
    program=$(cat)
    (
        exec >"$logs/prepare-$name.log" 2>&1 </dev/null 9>&-
        cd "$base" || exit 1
        eval "$program"
        [ -z "$launcher_home" ] || cd "$launcher_home" || exit 1
        launcher_exports
        exec "$@"
    )
    status=$?
    [ "$status" != 0 ] || echo "$mark" >>"$done_file" || status=1
    echo "$status $(tail -c 1000 "$logs/prepare-$name.log" | encoded)"
}

# ── systemd ────────────────────────────────────────────────────────────────────────────────────────────────────
# BASE/units/UNIT is the unit, UNIT.env its variables; UNIT.started and UNIT.stopping say what it was told.
# MANAGER is --system or --user.

manager() {
    if [ "$1" = --user ] && [ -z "${XDG_RUNTIME_DIR:-}" ]; then
        # A login without PAM does not say where its manager is.
        XDG_RUNTIME_DIR=/run/user/$(id -u)
        export XDG_RUNTIME_DIR
    fi
    command -v systemctl >/dev/null || { echo "systemctl is not installed" >&2; exit 1; }
}

units() {
    manager "$1"
    scope=$1 prefix=$2 clock_now=$(cut -d ' ' -f 1 </proc/uptime)
    set --
    for file in "$base/units/$prefix"*.service; do
        [ -e "$file.started" ] || continue
        read -r hash word facts <"$file"
        stopping=0
        [ ! -e "$file.stopping" ] || stopping=1
        echo "unit ${file##*/} $stopping $clock_now $facts"
        set -- "$@" "${file##*/}"
    done
    [ $# -eq 0 ] || systemctl "$scope" show --property=Id,ActiveState,MainPID,MemoryCurrent,CPUUsageNSec,Result,\
ExecMainCode,ExecMainStatus,ExecMainStartTimestampMonotonic "$@"
}

unit_start() {
    manager "$1"
    mkdir -p "$base" && exec 9>"$base/lock" && flock 9 || exit 1
    # Nothing is started twice; what has ended is still to be told.
    [ ! -e "$base/units/$2.started" ] || return 0
    [ -z "${3:-}" ] || current "$3"
    systemctl "$1" enable "$base/units/$2" >&2 9>&- || exit 1
    : >"$base/units/$2.started" || exit 1
    systemctl "$1" start "$2" >&2 9>&- && return 0
    systemctl "$1" show --property=ExecMainStatus,Result "$2" 9>&-
}

unit_stop() {
    manager "$1"
    mkdir -p "$base" && exec 9>"$base/lock" && flock 9 || exit 1
    file=$base/units/$2
    [ -e "$file" ] || return 0
    case $(systemctl "$1" show --property=ActiveState "$2" 9>&-) in
    ActiveState=inactive | ActiveState=failed)
        # It also goes if the manager has forgotten it.
        systemctl "$1" reset-failed "$2" >/dev/null 2>&1 9>&-
        systemctl "$1" disable "$2" >/dev/null 2>&1 9>&-
        rm -f "$file" "$file.env" "$file.started" "$file.stopping"
        systemctl "$1" daemon-reload >&2 9>&-
        ;;
    *)
        { [ -e "$file.stopping" ] || : >"$file.stopping"; } 2>/dev/null
        systemctl "$1" stop --no-block "$2" >&2 9>&- || exit 1
        ;;
    esac
}

"$verb" "$@"
