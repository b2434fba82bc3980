"""What runs on a host at the other end of a connection: a loop of POSIX sh that reads requests from its standard input.

The host's login shell sees one constant, `exec /bin/sh`. Commands, their environment and their input travel over the
channel, so that they are in no argument list but that of the command itself. A request is one line of sh, made in
`request` alone, and the bytes of the command's input after it. The next request is sent only after the answer, because
programs such as `head` may read ahead.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pilotage.adapters.fence import Fence

SHELL = "exec /bin/sh"
"""The command for sshd, which every login shell understands."""

_LOOP = r"""
unset CDPATH ENV BASH_ENV
n='
'
if command -v setsid >/dev/null 2>&1; then alone='setsid --'
elif command -v perl >/dev/null 2>&1; then alone='perl -e setpgrp(0,0);exec(@ARGV)or+exit(127); --'
else alone=; fi

# A command in a process group of its own, which is killed when its time is over.
job() {
  ( eval "$before"; exec $alone "$@" ) <&3 3<&- 4<&- & p=$!
  (
    # $! is the command's until sleep runs. KILL, for a shell that has just forked may miss TERM.
    trap '[ $! = $p ] || kill -9 $!; exit 1' TERM
    sleep "$seconds" &
    wait $!
    trap "" TERM  # from here on it says that the time was over
    kill -9 -$p || kill -9 $p
  ) </dev/null >/dev/null 2>&1 3<&- 4<&- & w=$!
  if [ -n "$held" ]; then
    # Nothing is sent while it runs, so this ends with the connection.
    ( read -r nothing <&4; kill -9 -$p || kill -9 $p ) </dev/null >/dev/null 2>&1 3<&- & h=$!
  fi
  wait $p 2>/dev/null; s=$?
  [ -z "$held" ] || { kill -9 $h; wait $h; } 2>/dev/null
  kill $w 2>/dev/null; wait $w 2>/dev/null; late=$?
}
exec 4<&0
mark() { printf '%s %s\n' "$id" "$1"; printf '%s %s\n' "$id" "$1" >&2; }
go() {
  id=$1 seconds=$2 size=$3; shift 3
  mark begin
  if [ -n "$fence" ] && ! fenced; then
    [ "$size" = 0 ] || head -c "$size" >/dev/null
    mark "fenced $seen $whose"
  elif [ "$size" = 0 ]; then
    job "$@" 3</dev/null; mark "end $s $late"
  else
    head -c "$size" | { job "$@" 3<&0; cat >/dev/null; mark "end $s $late"; }
  fi
}

# The fence of adapters/fence.py: two copies, of which the higher is right.
look() {
  word= t= b= stop=
  { IFS=' ' read -r word t b stop <"$1"; } 2>/dev/null
  [ "$word$stop" = pilotage-fence. ] || { t=0 b==; return; }
  case $t in ''|*[!0-9]*|???????????*) t=0 b== ;; esac
  [ "$t" -lt 2146435072 ] || t=0 b==
}
highest() {
  look "$fence"; one="$t $b" seen=$t whose=$b
  look "$fence-copy"; two="$t $b"
  if [ "$t" -gt "$seen" ]; then seen=$t whose=$b; fi
}
allowed() {
  [ "$seen" -gt "$token" ] && return 1
  [ "$seen" -eq "$token" ] && [ "$by" != = ] && [ "$whose" != = ] && [ "$whose" != "$by" ] && return 1
  mine=$by
  if [ "$mine" = = ]; then mine=$whose; fi
  return 0
}
leave() { printf 'pilotage-fence %s %s .\n' "$token" "$mine" >"$1.$$" && mv -f "$1.$$" "$1" || rm -f "$1.$$"; }
settle() {
  highest
  allowed || return 1
  [ "$one" = "$token $mine" ] || leave "$fence"
  [ "$two" = "$token $mine" ] || leave "$fence-copy"
  return 0
}
fenced() {
  highest
  allowed || return 1
  [ "$one" = "$token $mine" ] && [ "$two" = "$one" ] && return 0
  (
    umask 077
    mkdir -p "${fence%/*}"
    if command -v flock && : >>"$fence.lock"; then exec 8>>"$fence.lock" && flock -w 5 8; fi
    settle
  ) </dev/null >/dev/null 2>&1 && return 0
  highest
  allowed
}
"""

_READY = """printf '%s ready %s\\n' {id} "$(cd 2>/dev/null; pwd)"; printf '%s ready\\n' {id} >&2
while IFS= read -r request; do eval "$request"; done; exit 0
"""
"""Its last line is the last of the text: a shell that reads no further than it must would take more for a request."""


def loop(nonce: str) -> bytes:
    """The whole loop. It says `ready` and the user's home on standard output, and `ready` on standard error."""
    return (_LOOP + _READY.format(id=nonce)).encode()


def request(
    command: Sequence[str],
    *,
    nonce: str,
    size: int,
    within: float,
    environment: Mapping[str, str],
    cwd: str,
    fence: Fence | None,
    folder: str,
    held: bool = False,
) -> bytes:
    """One request. nonce: a word that the command cannot guess; it marks the begin and the end of its output ·
    size: bytes of input that follow · within: seconds until the command is killed · folder: Pilotage's own there ·
    held: kill it when the connection ends; only without input.

    Raises ValueError for a null character, which no program can be given.
    """
    before = "".join(f"export {name}={_quoted(value)};" for name, value in environment.items())
    if cwd:
        before += f"cd -- {_quoted(cwd)} || exit 127;"
    words = " ".join(_quoted(word) for word in command)
    guarded = "fence=;"
    if fence is not None:
        path = f"{folder}/fences/{_fence_name(fence)}"
        guarded = f"fence={_quoted(path)};token={fence.token:d};by={_quoted('=' + quote(fence.by, safe=''))};"
    guarded += f"held={'yes' if held else ''};"
    line = f"before={_quoted(before)};{guarded}go {nonce} {max(1, math.ceil(within))} {size} {words}\n"
    return line.encode("utf-8", "surrogateescape")


def _fence_name(fence: Fence) -> str:
    """The same on every machine from which the environment is rolled out."""
    return f"{fence.place.parent.name}.{fence.place.name}"


def _quoted(text: str) -> str:
    """A word of POSIX sh without a line feed."""
    if "\0" in text:
        raise ValueError("a null character cannot be in an argument, a variable or a path")
    return shlex.quote(text).replace("\n", "'\"$n\"'")
