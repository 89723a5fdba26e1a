#!/usr/bin/env bash
# tools/setup.sh: nothing to do, nothing done; and where something is missing: the command, or the list.
. tests/cli/lib/checks.sh
setup=$repository/tools/setup.sh
bash=$(command -v bash)

# setup PATH [NAME=VALUE]...: runs it there, with what it printed in $out and $err and its exit code in $code.
setup() {
  local path=$1
  shift
  code=0
  env -u CXX -u ONEDNN -u LIBRARIES -u MPI PATH="$path" "$@" "$bash" "$setup" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  out=$(<"$captured/out") err=$(<"$captured/err")
}
# A program of that name in the folder, which writes down that it was called.
fake() {
  mkdir -p "$1"
  printf '#!%s\necho "%s $*" >>%q\n%s\n' "$bash" "$2" "$work/called" "${3:-}" >"$1/$2"
  chmod +x "$1/$2"
}
calls() { cat called 2>/dev/null; }
# Only the basic tools: no compiler, no apt-get, no sudo.
mkdir basic
for tool in bash env cat id sed awk grep head tail sort uname dirname; do ln -s "$(command -v $tool)" basic/$tool; done

### All is there
for tool in apt-get sudo curl wget dpkg; do fake watched $tool; done
setup "$work/watched:$PATH"
if [ $code -ne 0 ] || [ -n "$(calls)" ]; then
  skip "all is there: does nothing" "something is missing on this machine"
else
  ok "all is there: exits with 0 and calls no installer"
  check "all is there: prints nothing" equal "$out$err" ""
fi
rm -f called

### Nothing is there, and no apt-get
setup "$work/basic"
check "no compiler, no apt-get: fails" different "$code" 0
for word in g++ libdnnl-dev libeigen3-dev libgtest-dev nlohmann-json3-dev zlib1g-dev libstb-dev libjpeg-dev libcxxopts-dev ONEDNN= LIBRARIES=; do
  check "no compiler, no apt-get: names $word" has "$out$err" "$word"
done
check "no compiler, no apt-get: is short" between 2 "$(wc -l <"$captured/err")" 20

### Nothing is there, apt-get is, but not the right to use it
unprivileged=$work/unprivileged
cp -a basic unprivileged
rm unprivileged/id
fake unprivileged apt-get
fake unprivileged id 'echo 1000'
sed -i '2d' unprivileged/id
setup "$unprivileged"
check "no rights: fails" different "$code" 0
check "no rights: installs nothing" equal "$(calls)" ""
check "no rights: prints one command" equal "$(grep -c 'apt-get install' "$captured/err")" 1
check "no rights: the command is whole" grep -Eq '^ *sudo apt-get update && sudo apt-get install .*g\+\+ libdnnl-dev libeigen3-dev libgtest-dev nlohmann-json3-dev zlib1g-dev libstb-dev libjpeg-dev libcxxopts-dev' "$captured/err"
fake unprivileged sudo 'exit 1'  # sudo that would ask for a password
setup "$unprivileged"
check "sudo that asks for a password: not used" has_not "$(calls)" apt-get
check "sudo that asks for a password: prints the command" grep -q 'sudo apt-get install' "$captured/err"
rm -f called
cp -a unprivileged sudoer
fake sudoer sudo '[ "$1" = -n ] || "$@"'
setup "$work/sudoer"
check "sudo that asks for none: installs" grep -q '^apt-get install' called
rm -f called

### One header is missing: only that is installed, after an update
compiler=$(command -v g++ || true)
if [ -z "$compiler" ]; then
  skip "one header is missing" "no g++ here"
else
  root=$work/root
  cp -a unprivileged root
  rm -f root/id root/sudo
  fake root id 'echo 0'
  # A compiler that does not find oneDNN, but under a folder that it is pointed at.
  fake root g++ 'text=$(cat); case "$text" in *dnnl.h*) case " $* " in *"/elsewhere/include "*) exit 0 ;; esac; exit 1 ;; esac'
  setup "$root"
  check "one header is missing: apt-get update, then only its package" equal "$(grep '^apt-get' called)" \
    "apt-get update -qq"$'\n'"apt-get install -y --no-install-recommends libdnnl-dev"
  check "one header is missing: says what is installed" grep -q libdnnl-dev "$captured/err"
  rm -f called
  setup "$root" ONEDNN=/elsewhere
  check "ONEDNN= points at it: nothing is installed" equal "$code $(grep -c '^apt-get' called)" "0 0"
  rm -f called
  fake root apt-get 'exit 100'  # no network
  setup "$root"
  check "apt-get fails: so does setup" different "$code" 0
fi

### MPI is asked for only where it is wanted
if [ -n "$compiler" ]; then
  cp -a unprivileged mpi
  rm -f mpi/id mpi/sudo
  fake mpi id 'echo 0'
  fake mpi g++ 'cat >/dev/null'
  fake mpi apt-get
  rm -f called
  setup "$work/mpi"
  check "without MPI=1: nothing of MPI" equal "$(grep '^apt-get' called)" ""
  setup "$work/mpi" MPI=1
  check "MPI=1: Open MPI is installed" grep -q '^apt-get install .* openmpi-bin libopenmpi-dev$' called
  rm -f called
fi

### A compiler by another name
fake named clang-of-mine
setup "$work/named:$work/basic" CXX=clang-of-mine
check "CXX= names the compiler that is asked" grep -q '^clang-of-mine .*-E' called

finish
