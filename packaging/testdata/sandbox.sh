#!/bin/sh
# Runs a script as root of a copy of this system: a copy on write in memory,
# with processes of its own, that is gone with the script.
#
#     unshare --mount --pid --fork sandbox.sh DIRECTORY SCRIPT [ARGUMENT...]
#
# DIRECTORY is an empty one for the copy. SCRIPT and its files are seen in it.
set -eu
dir=$1
shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
mount -t proc proc "$dir/root/proc"
mount -t tmpfs tmpfs "$dir/root/run"
mount --rbind /dev "$dir/root/dev"
exec chroot "$dir/root" "$@"
