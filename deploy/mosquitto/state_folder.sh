# How render and user write into the folder that the broker runs from; both read this file. $state is its
# absolute path, without links, and fail says why and ends.
# The folder belongs to the broker's user, and root works in it. A broker that somebody has broken into
# could lay links there: root reads and writes none of them, and makes its files where that user cannot reach.

# The lock is the folder itself: a file could be a link, too.
one_at_a_time() {
  exec 9< "$state"
  flock -w 60 9 || fail "another user or render has worked in $state for a minute; try again when it is done"
}

# Into a fresh folder in $state, from where a rename puts a finished file in its place.
into_a_work_folder() {
  umask 077
  work=
  trap 'cd /; [ -z "$work" ] || rm -rf "$work"' EXIT
  # dash runs the one for EXIT at no signal.
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d "$state/.work.XXXXXX")
  cd "$work"
  case "$(pwd -P) $(stat -c '%u %a' .)" in
    "$work $(id -u) "*700) ;;
    *) fail "$work is not what was made there just now; who else writes to $state?" ;;
  esac
}

finished() { mv -fT "$1" "$state/$1"; }

# The hash of one password. On standard input it can hold colons and blanks, of which -U makes something
# else, and it lies neither on the disk nor among the arguments.
hash_of() {
  : > one
  printf '%s\n%s\n' "$1" "$1" | mosquitto_passwd one name > /dev/null || return
  cut -d: -f2- one | grep '^\$'
}
