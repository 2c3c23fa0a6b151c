#!/usr/bin/env bash
# Trains on a GPU that is lent for some minutes, on a machine without a network where nothing is installed but Python,
# PyTorch, NumPy, Pillow, safetensors and click. docs/training.md tells how ("Fifteen minutes of a GPU").
#
#   tools/train_on_gpu.sh probe [--batches 16,32,64,128] [--seconds 10] [--compile] [--recipe FILE] [--init FROM]
#   tools/train_on_gpu.sh start --batch N --minutes M [--rates F] [--compile] [--recipe FILE] [--init FROM]
#                           [--validation NAME ...]
#   tools/train_on_gpu.sh poll [--wait SECONDS]
#   tools/train_on_gpu.sh status
#   tools/train_on_gpu.sh stop
#
# Environment: DATA (packed data), RUN (the run's folder), OUT (what poll brings back), PYTHON, DEVICE, WORKERS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3} DATA=${DATA:-.data/gpu} RUN=${RUN:-runs/gpu} OUT=${OUT:-.data/out}
log=$RUN.log pid_file=$RUN.pid settings=$RUN.toml

# The package is not installed: its two folders get the names that they are imported by.
modules=$PWD/.data/modules
mkdir -p "$modules" "$(dirname "$RUN")"
ln -sfn "$PWD/stereocodec" "$modules/stereocodec"
ln -sfn "$PWD/cli" "$modules/stereocodec_cli"
export PYTHONPATH=$modules${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

fail() {
  echo "train_on_gpu: $1" >&2
  exit 1
}

is_running() {
  [[ -f $pid_file ]] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

# Photographs are given where they were packed and the recipe uses them.
photos() {
  if [[ -d $DATA/photos ]] && grep -Eq '^photo_share = (0\.0*[1-9]|0\.[1-9]|1)' "$1"; then
    echo "--photos $DATA/photos"
  fi
}

recipe=stereocodec/models/bisic_rt/bisic-rt.toml
batches=16,32,64,128 seconds=10 batch='' minutes='' rates=1 wait=0 init='' compile='' validation=()
phase=${1:-status}
shift || true
while (($#)); do
  case $1 in
    --compile) compile=--compile; shift ;;
    --validation)
      (($# > 1)) || fail "$1 needs a value"
      validation+=(--validation "$2")
      shift 2
      ;;
    --batches | --seconds | --batch | --minutes | --rates | --wait | --init | --recipe)
      (($# > 1)) || fail "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) fail "unknown option $1" ;;
  esac
done

# What --init names may also be the files of another run's averaged weights, as they travel.
if [[ -f $init/averaged-1.safetensors ]]; then
  rm -rf "$RUN.from"
  "$PYTHON" tools/averaged_weights.py join "$init" "$RUN.from"
  init=$RUN.from
fi

probe() {
  "$PYTHON" tools/gpu_probe.py "$recipe" --data "$DATA" --batches "$batches" --seconds "$seconds" \
    --device "${DEVICE:-auto}" ${WORKERS:+--workers "$WORKERS"} ${init:+--init "$init"} $compile
}

start() {
  [[ -n $batch && -n $minutes ]] || fail "start needs --batch and --minutes"
  ! is_running || fail "a run is going on already, as process $(cat "$pid_file"); see status"
  local from=()
  if [[ -f $RUN/checkpoint.safetensors ]]; then
    from=(--resume)
  elif [[ -n $init ]]; then
    from=(--init "$init")
  fi
  "$PYTHON" tools/gpu_settings.py "$recipe" "$settings" --batch "$batch" --rates "$rates" $compile \
    ${validation[@]+"${validation[@]}"}
  # In a session of its own it lives on when the call that started it ends.
  # shellcheck disable=SC2046  # two words or none
  setsid nohup "$PYTHON" -m stereocodec_cli train "$settings" --data "$DATA/pairs" $(photos "$settings") -o "$RUN" \
    --fit-minutes "$minutes" --device "${DEVICE:-auto}" ${WORKERS:+--workers "$WORKERS"} ${from[@]+"${from[@]}"} \
    >>"$log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  echo "started as process $(cat "$pid_file"); its log is $log"
}

poll() {
  local until=$((SECONDS + wait))
  while is_running && ((SECONDS < until)); do sleep 1; done
  status
  mkdir -p "$OUT"
  cp "$log" "$OUT/run.log"
  for name in train.csv validation.csv; do
    [[ ! -f $RUN/$name ]] || cp "$RUN/$name" "$OUT/$name"
  done
  if [[ -f $RUN/checkpoint.safetensors ]]; then
    "$PYTHON" tools/averaged_weights.py save "$RUN" "$OUT"
  else
    echo "there is no checkpoint yet"
  fi
}

status() {
  if is_running; then echo "running, as process $(cat "$pid_file")"; else echo "not running"; fi
  if [[ -f $log ]]; then tail -n 12 "$log"; fi
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader || true
  fi
}

stop() {
  is_running || fail "no run is going on"
  kill "$(cat "$pid_file")"
  while is_running; do sleep 0.2; done
  echo "stopped; start goes on from the last checkpoint"
}

case $phase in
  probe | start | poll | status | stop) "$phase" ;;
  *) fail "unknown phase $phase; use probe, start, poll, status or stop" ;;
esac
