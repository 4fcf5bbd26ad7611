// The guest's process 1: a shell script for busybox, because it needs no compiler on the host and can be read. It runs the
// plan and reports on the second serial port (/dev/ttyS1), where the kernel never writes; result-channel.ts reads that.
//
// One process writes the records, so they cannot interleave: steps run in sessions of their own, with files for output and
// for how they ended. Whoever waits wakes up every second to send what the files have gained and to look at deadlines; so what
// a step printed is on the host even if the next thing it does is to crash the kernel. A line in a FIFO wakes it
// earlier and says nothing: busybox's read drops half a line when its time is over in the middle of it.
// `time` waits for the step outside of its session: a shell alone cannot tell "exit 139" from a segmentation fault.

import { OUTPUT_LIMIT } from './guest.js';

/** First word of every record; changes when the records do. */
export const CHANNEL_MAGIC = 'resplice-vm-1';

/** busybox applets the script needs; a busybox without them is refused before the boot. */
export const INIT_APPLETS: readonly string[] = [
  ...[
    'base64',
    'cat',
    'chmod',
    'dd',
    'dmesg',
    'echo',
    'grep',
    'head',
    'hostname',
    'ip',
    'kill',
    'mkdir',
    'mkfifo',
  ],
  ...['mount', 'poweroff', 'sed', 'setsid', 'sh', 'sleep', 'stat', 'stty', 'time'],
];

const PARAMETERS: ReadonlyMap<string, string> = new Map([
  ['MAGIC', CHANNEL_MAGIC],
  ['OUTPUT_LIMIT', String(OUTPUT_LIMIT)],
  ['LOG_LIMIT', String(64 * 1024 * 1024)],
  // Bytes per data record; base64 makes a line of 44 KB of it.
  ['CHUNK', '32768'],
  // Seconds a step may take to vanish after SIGKILL (it may hang in the kernel), or to obey SIGTERM.
  ['GRACE', '10'],
]);

export const GUEST_INIT = `#!/vm/bin/busybox sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/vm/bin/busybox --install -s /usr/bin 2>/dev/null

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t securityfs securityfs /sys/kernel/security
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
hostname resplice-guest
ip link set lo up

stty -F /dev/ttyS1 raw -echo
mkdir /vm/run
mkfifo /vm/run/events
exec 3<>/vm/run/events 4>/dev/ttyS1
running=

send() { echo "@MAGIC@ $*" >&4; }
note() { echo "<6>resplice-vm: $*" >/dev/kmsg; }
read_clock() { IFS='. ' read -r now clock_rest </proc/uptime; }

# ship INDEX out|err LIMIT: sends what the stream has gained since the last time, up to LIMIT bytes in all.
ship() {
  local file=/vm/run/$1/$2 sent size chunk
  [ -s $file ] || return
  read -r sent <$file.sent
  size=$(stat -c %s $file)
  [ $size -gt $3 ] && size=$3
  while [ $sent -lt $size ]; do
    chunk=$((size - sent))
    [ $chunk -gt @CHUNK@ ] && chunk=@CHUNK@
    send data $1 $2 $sent $(dd if=$file bs=@CHUNK@ count=1 skip=$sent iflag=skip_bytes 2>/dev/null | head -c $chunk | base64 -w 0)
    sent=$((sent + chunk))
  done
  echo $sent >$file.sent
}
ship_output() { ship $1 out @OUTPUT_LIMIT@; ship $1 err @OUTPUT_LIMIT@; }

# make_streams INDEX
make_streams() {
  mkdir /vm/run/$1
  : >/vm/run/$1/out
  : >/vm/run/$1/err
  echo 0 >/vm/run/$1/out.sent
  echo 0 >/vm/run/$1/err.sent
}

# launch INDEX TIMEOUT MANNER NAME
launch() {
  local dir=/vm/run/$1
  make_streams $1
  chmod 666 $dir/out $dir/err
  read_clock
  echo $((now + $2)) >$dir/deadline
  : >$dir/$3
  running="$running $1"
  send start $1
  note "step $1 starts: $4"
  (
    time -o $dir/end -f '%x %e' setsid sh /vm/steps/$1 </dev/null >>$dir/out 2>>$dir/err 3>&- 4>&-
    echo $? >$dir/status
    echo >&3
  ) &
}

is_running() { case " $running " in *" $1 "*) true ;; *) false ;; esac; }

# conclude INDEX STATUS: reports a step that is over. STATUS is that of "time", which matters only if it was killed itself.
conclude() {
  local dir=/vm/run/$1 how=code status=$2 seconds=- first second third fourth fifth out_size err_size
  [ -s $dir/end ] || [ $status -le 128 ] || { how=signal; status=$((status - 128)); }
  [ -s $dir/end ] && while read -r first second third fourth fifth; do
    case "$first $second $third" in
      "Command terminated by") how=signal status=$fifth ;;
      "Command exited with") ;;
      *) [ $how = code ] && status=$first; seconds=$second ;;
    esac
  done <$dir/end
  [ -e $dir/killed ] && how=timeout
  ship_output $1
  read -r out_size <$dir/out.sent
  read -r err_size <$dir/err.sent
  note "step $1 is over: $how $status"
  send stop $1 $how $status $seconds $out_size $err_size $(stat -c %s $dir/out $dir/err)
  running=$(echo " $running " | sed "s/ $1 / /")
}

# signal_step INDEX SIGNAL: fails while the step has not come up yet.
signal_step() { [ -s /vm/run/$1/pid ] && kill -$2 -$(cat /vm/run/$1/pid); }

# Sends the news of all running steps, concludes those that are over, and ends those whose time is.
tick() {
  local index deadline status
  for index in $running; do
    if [ -s /vm/run/$index/status ]; then
      read -r status </vm/run/$index/status
      conclude $index $status
      continue
    fi
    ship_output $index
    read_clock
    read -r deadline </vm/run/$index/deadline
    [ $now -lt $deadline ] && continue
    if [ -e /vm/run/$index/killed ]; then
      note "step $index survived SIGKILL"
      conclude $index 137
    elif signal_step $index KILL; then
      # Who hangs in the kernel, and where: in the kernel log.
      echo w >/proc/sysrq-trigger
      : >/vm/run/$index/killed
      echo $((now + @GRACE@)) >/vm/run/$index/deadline
    fi
  done
}

# Waits until a step is over, at most a second.
await_event() {
  local line
  read -t 1 -r line <&3
  tick
}

# Ends what the firmware may have left on the line.
echo >&4
send boot
while read -r index timeout manner name <&5; do
  launch $index $timeout $manner "$name"
  [ $manner = foreground ] || continue
  while is_running $index; do await_event; done
done 5</vm/plan

read_clock
for index in $running; do
  [ -e /vm/run/$index/until-end ] || continue
  signal_step $index TERM
  echo $((now + @GRACE@)) >/vm/run/$index/deadline
done
while [ -n "$(echo $running)" ]; do await_event; done

make_streams log
dmesg >/vm/run/log/out
ship log out @LOG_LIMIT@
send end $(stat -c %s /vm/run/log/out)
# The host ends QEMU now; should it not, this does.
sleep 5
poweroff -f
`.replace(/@(\w+)@/g, (_, name: string) => PARAMETERS.get(name) ?? name);
