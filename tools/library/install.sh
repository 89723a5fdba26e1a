#!/usr/bin/env bash
# install.sh BUILD DESTDIR PREFIX VERSION LIBS HEADER...: what `make install` does. LIBS is what libmvmoe.a must be linked
# with. Files that are there are replaced, so that a program that runs keeps what it has open.
set -eu
build=$1 prefix=$3 version=$4 libs="$5 -lstdc++ -lm -lgomp -lpthread"
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
destination=$2$prefix
shift 5
soname=libmvmoe.so.${version%%.*}

install -D -m 755 "$build/mvmoe" "$destination/bin/mvmoe"
install -D -m 644 "$build/libmvmoe.a" "$destination/lib/libmvmoe.a"
install -D -m 755 "$build/libmvmoe.so" "$destination/lib/libmvmoe.so.$version"
ln -sfn "libmvmoe.so.$version" "$destination/lib/$soname"
ln -sfn "$soname" "$destination/lib/libmvmoe.so"
install -D -m 644 tools/library/mvmoe.h "$destination/include/mvmoe.h"
for header; do install -D -m 644 "$header" "$destination/include/mvmoe/$header"; done

mkdir -p "$destination/lib/pkgconfig"
for name in mvmoe mvmoe-static; do
  text=$(<"tools/library/$name.pc.in")
  text=${text//@PREFIX@/"$prefix"}
  text=${text//@VERSION@/"$version"}
  printf '%s\n' "${text//@LIBS@/"$libs"}" >"$destination/lib/pkgconfig/$name.pc"
done
echo "installed the program, libmvmoe.a, $soname, headers and pkg-config files under $destination"
