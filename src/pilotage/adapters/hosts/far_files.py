"""How files are read and placed on a host: small programs of POSIX sh, whose arguments are the paths."""

from __future__ import annotations

from pilotage.adapters.ports import AdapterError

NOTHING = 44
"""Exit status where there is no file."""

_READ = r"""
[ -e "$1" ] || [ -L "$1" ] || exit 44
[ -d "$1" ] && { echo "is a folder" >&2; exit 1; }
exec head -c "$2" <"$1"
"""

_PLACE = r"""
path=$1 size=$2 digest=$3 mode=$4
trap '' PIPE  # the connection may be cut: what is half there goes all the same
folder=${path%/*} name=${path##*/}
[ -n "$folder" ] || folder=/
[ -d "$path" ] && { echo "is a folder" >&2; exit 1; }
( umask 077; mkdir -p -- "$folder" ) || exit 1
find "$folder" -maxdepth 1 -name ".$name.*.part" -mmin +60 -exec rm -f {} + 2>/dev/null
beside=$folder/.$name.$$.part
trap 'rm -f -- "$beside"' EXIT
trap 'exit 1' HUP INT TERM
rm -f -- "$beside"
( umask 077; set -C; cat >"$beside" ) || exit 1
found=$(wc -c <"$beside") || exit 1
[ "$found" -eq "$size" ] || { echo "only $found of $size bytes arrived" >&2; exit 1; }
if [ -n "$digest" ]; then
  if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$beside")
  elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 <"$beside")
  elif command -v openssl >/dev/null 2>&1; then sum=$(openssl dgst -sha256 -r <"$beside")
  else sum=$(python3 -c 'import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$beside"); fi
  [ "${sum%% *}" = "$digest" ] || { echo "what arrived has another digest (${sum%% *})" >&2; exit 1; }
fi
if [ -f "$path" ]; then mode=$(stat -c %a -- "$path" 2>/dev/null || stat -f %Lp "$path" 2>/dev/null || echo "$mode"); fi
chmod "$mode" "$beside" || exit 1
sync "$beside" 2>/dev/null
mv -f -- "$beside" "$path"
"""


def reading(path: str, most: int) -> list[str]:
    """Prints the first bytes of a file. Ends with NOTHING if there is none."""
    return ["/bin/sh", "-c", _READ, "sh", _absolute(path), str(most)]


def placing(path: str, size: int, digest: str, mode: int) -> list[str]:
    """Puts what comes on standard input in the place of a file, if it has this size and, unless empty, this digest."""
    return ["/bin/sh", "-c", _PLACE, "sh", _absolute(path), str(size), digest, f"{mode:o}"]


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise AdapterError(f"{path!r} is no absolute path")
    return path
