#!/bin/sh
# Puts together what the image holds: sh rootfs.sh <target>, in the build stage of the Dockerfile.
set -eu
target=$1
app=$target/opt/shadowtap
mkdir -p "$app/bpf" "$target/usr/local/bin" "$target/etc/ssl/certs" "$target/var/lib/dpkg/status.d" "$target/tmp" "$target/proc" "$target/sys"
chmod 1777 "$target/tmp"

# Ours.
cp -r src package.json LICENSE "$app/"
cp -r bpf/build bpf/LICENSE "$app/bpf/"
cp -r node_modules "$app/"
# What nobody loads: types, maps, sources of what is compiled.
find "$app/node_modules" -type f \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' -o -name '*.md' -o -name '*.cc' -o -name '*.hh' -o -name '*.o' \) -delete
rm -rf "$app/node_modules/.bin" "$app/node_modules/.cache" "$app/node_modules/nan" "$app/node_modules/koffi/vendor"
find "$app" -type d -empty -delete

# Node, and a command that needs no shell.
node=$(node -p process.execPath)
cp "$node" "$target/usr/local/bin/node"
printf '%s\n' '#!/usr/local/bin/node' "import '/opt/shadowtap/src/cli.ts';" > "$target/usr/local/bin/shadowtap"
chmod 755 "$target/usr/local/bin/shadowtap"

# Libraries, each with the record of its package, by which scanners know them.
libraries() {
  for file in "$node" "$app/node_modules/pcap/build/Release/pcap_binding.node" $(find "$app/node_modules/@koromix" -name '*.node') \
    $(ldconfig -p | awk '$1 == "libbpf.so.1" { print $NF }'); do
    case $file in *.so.*) echo "$file" ;; esac
    ldd "$file" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
  done | sort -u
}
for library in $(libraries); do
  # By its real folder, so that nothing of the target is a link to a folder.
  real=$(readlink -f "$library")
  mkdir -p "$target$(dirname "$real")"
  cp "$real" "$target$(dirname "$real")/$(basename "$library")"
  package=$(dpkg -S "$real" 2>/dev/null || dpkg -S "${real#/usr}")
  package=${package%%:*}
  dpkg -s "$package" > "$target/var/lib/dpkg/status.d/$package"
done
# Where programs look for the libraries, and for what loads them: /lib64 or /lib by processor.
ln -s usr/lib "$target/lib"
loader=$(ldd "$node" | awk '$1 ~ /^\// { print $1 }')
mkdir -p "$target/usr$(dirname "$loader")"
cp "$(readlink -f "$loader")" "$target/usr$loader"
[ "$(dirname "$loader")" = /lib ] || ln -s "usr$(dirname "$loader")" "$target$(dirname "$loader")"

# Certificates of mirrors and of the API server, names of users, and what the base was.
cp -L /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/"
printf '%s\n' 'root:x:0:0:root:/:/' 'nobody:x:65532:65532:nobody:/:/' > "$target/etc/passwd"
printf '%s\n' 'root:x:0:' 'nobody:x:65532:' > "$target/etc/group"
cp -L /etc/os-release "$target/etc/os-release"

# Compiled code by path, which is the same here and there; Node keeps it for each user apart.
NODE_COMPILE_CACHE=$app/.compiled node daemonset/image/compile.mjs
for folder in "$app"/.compiled/*-0; do
  cp -r "$folder" "${folder%-0}-65532"
done
