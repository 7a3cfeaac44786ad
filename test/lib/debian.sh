# shellcheck shell=bash disable=SC2016,SC2317 # functions reach the namespaces exported, text goes there unexpanded
# What needs Debian's archive shares this: test/servers/{assertions,releases} and test/debian. Most of it is about chroots of
# other Debians, which only root can make.
#
# Each chroot is a minimal Debian, made once and kept under ${ALLOCATION_CACHE:-/var/cache/allocation}/chroots. Remove
# its directory there to have it made afresh, with the newest packages.

cache=${ALLOCATION_CACHE:-/var/cache/allocation}/chroots
# The mirror that this machine uses itself; none on another system than Debian,
# and then debootstrap takes its default.
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
	'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | sed -n 1p)
export cache mirror

# The Debian suite that carries a release of PostgreSQL.
suite() {
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18 | 19) echo forky ;;    # 19, a release candidate, is in experimental
		*) echo "$0: no Debian suite carries PostgreSQL $1" >&2; return 2 ;;
	esac
}

# alone NAME COMMAND...: runs it under a lock of that name, in a namespace of mounts and one of processes: whatever
# happens in there, nothing stays mounted and no server stays running.
alone() {
	local name=$1
	shift
	[ "$(id -u)" = 0 ] || { echo "$0: only root can make chroots and mount in them: run it as root" >&2; exit 1; }
	command -v debootstrap >/dev/null || { echo "$0: needs the package debootstrap" >&2; exit 1; }
	mkdir -p "$cache"
	flock "$cache/$name.lock" unshare --mount --propagation private --pid --fork --kill-child \
		bash -euo pipefail -c 'trap "exit 130" INT TERM; "$@"' alone "$@"
}

# make_chroot NAME SUITE [COMMAND...]: makes the chroot, unless it is there already. The command completes it: it is
# given the directory as its last argument.
make_chroot() (
	new=$cache/$1.new ready=$cache/$1 suite=$2
	shift 2
	[ ! -d "$ready" ] || exit 0

	# Until it is complete it has another name, and never outlives a failure.
	rm -rf --one-file-system "$new"
	trap 'umount -l "$new/proc" 2>/dev/null || :; rm -rf --one-file-system "$new"' EXIT

	# sid's script serves suites that are newer than the debootstrap at hand.
	debootstrap --variant=minbase --include=ca-certificates "$suite" "$new" "$mirror" sid

	# apt inside reaches its mirror the way that apt outside does.
	apt-config dump | grep -E '^Acquire::(https?|Check)' >"$new/etc/apt/apt.conf.d/00host" || true

	# Neither services nor a cluster: the tests start servers of their own.
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod +x "$new/usr/sbin/policy-rc.d"
	mkdir -p "$new/etc/postgresql-common"
	echo 'create_main_cluster = false' >"$new/etc/postgresql-common/createcluster.conf"

	mount -t proc proc "$new/proc"
	[ $# = 0 ] || "$@" "$new"
	inside "$new" apt-get clean
	umount "$new/proc"
	mv "$new" "$ready"
)

# open_chroot NAME [PLACE]: makes $root one that is like it, in a place of its own where there is more than one. The
# chroot itself is only read: an overlay in memory takes what is written.
open_chroot() {
	local run=$cache/${2:-run}
	mkdir -p "$run"
	mount -t tmpfs -o mode=755 tmpfs "$run"
	root=$run/root
	mkdir "$run/written" "$run/work" "$root"
	mount -t overlay -o "lowerdir=$cache/$1,upperdir=$run/written,workdir=$run/work" overlay "$root"
	mount -t proc proc "$root/proc"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
}

# copy_tree DIRECTORY: copies the checkout there without its products.
copy_tree() {
	mkdir -p "$1"
	git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard |
		tar -c --null --files-from=- --ignore-failed-read |
		tar -x --no-same-owner -C "$1"
}

# inside ROOT COMMAND...
inside() {
	local root=$1
	shift
	chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# install_server RELEASE ROOT: as make_chroot calls it.
install_server() { inside "$2" sh -euc 'apt-get -q update; apt-get -qy install --no-install-recommends "postgresql-$1"' sh "$1"; }

# allocates ROOT [OPTION...]: the extension that is there allocates a line. The options are those of pg_virtualenv.
allocates() {
	inside "$1" pg_virtualenv "${@:2}" psql -XAt <<-'END' | grep -x batch-1
		CREATE EXTENSION allocation;
		SELECT add_batch('batch-1', 'RETRO-CLOCK', 100);
		SELECT allocate('order-1', 'RETRO-CLOCK', 10);
	END
}

export -f suite make_chroot open_chroot copy_tree inside install_server allocates
