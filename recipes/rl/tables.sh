#!/usr/bin/env bash
# Rows of the report's Tables 4 and 5 on mini, and beside them DiffRO and the best of eight; each run resumes, so the
# script may be stopped.
#
#   recipes/rl/tables.sh TEXTS.tsv OUT CORPUS WHISPER [SEEDS] [STEPS]
#
# TEXTS.tsv are training texts (recipes/rl/texts.py), CORPUS holds heldout_en.txt and heldout_zh.txt, WHISPER is a
# folder of a CTranslate2 Whisper-base. EMOTION=weights.safetensors adds the emotion reward, as the tables have it, and
# EMOTION_JUDGE=others.safetensors, trained on other actors, measures it; CER_ONLY=1 leaves out all but pronunciation,
# so that nothing is rendered: a third of the time. ROWS="table4_grpo table5_3" trains only these, BUNDLE begins with
# another model than `mini`, MORE="--set …" changes further options of all rows, MEASURED=50 says fewer lines of each
# language.
set -euo pipefail
if [ $# -lt 4 ] || [ $# -gt 6 ]; then # also --help: the head of this file
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
  exit $(($# == 1 ? 0 : 2))
fi
[ -s "$1" ] || { echo "error: $1 is no file of texts. Make it with recipes/rl/texts.py." >&2; exit 2; }
for held_out in "$3/heldout_en.txt" "$3/heldout_zh.txt"; do
  [ -s "$held_out" ] || { echo "error: $held_out is not there. Give a CORPUS that has it." >&2; exit 2; }
done
[ -d "$4" ] || { echo "error: $4 is no folder. Give that of a CTranslate2 Whisper-base." >&2; exit 2; }
texts=$1 out=$2 corpus=$3 whisper=$4 seeds=${5:-3} steps=${6:-200}
here=$(dirname "$0")
python=${PYTHON:-python}
recipe=$here/mini_cer_sim.toml
reward=()
if [ -n "${EMOTION:-}" ]; then
  recipe=$here/mini_emotion.toml
  reward=(--set "loss.rewards.emotion.options={options={weights=\"$EMOTION\"}}")
elif [ -n "${CER_ONLY:-}" ]; then
  reward=(--set "loss.rewards={cer={weight=1.0}}")
fi

train() { # train NAME RECIPE OPTION…: one row, for every seed
  local name=$1 from=$2
  shift 2
  case " ${ROWS:-$name} " in *" $name "*) ;; *) return ;; esac
  set -- "$@" ${BUNDLE:+--set "model.bundle=$BUNDLE"} ${MORE:-}
  for seed in $(seq 0 $((seeds - 1))); do
    local run=$out/runs/$name-$seed
    $python -m glmtts rl "$from" --set run.out="$run" --set run.seed="$seed" --set "data.texts=[\"$texts\"]" \
      --set schedule.steps="$steps" "$@"
    [ -e "$out/bundles/$name-$seed/bundle.json" ] || $python -m glmtts rl "$from" --set run.out="$run" \
      --set run.seed="$seed" --set "data.texts=[\"$texts\"]" --set schedule.steps="$steps" "$@" \
      --export "$out/bundles/$name-$seed"
    measure "$name-$seed" "$out/bundles/$name-$seed"
  done
}

measure() { # measure NAME BUNDLE: one candidate a line, heard by Whisper-base
  $python "$here/measure.py" say "$2" "$out/measured/$1.jsonl" --corpus "$corpus" --whisper "$whisper" --lines "${MEASURED:-100}" \
    ${EMOTION_JUDGE:+--emotion "$EMOTION_JUDGE"}
}

plain=(--set loss.objective.clip_low=0.2 --set loss.objective.clip_high=0.2 --set loss.advantages.resamplings=0)
higher=(--set loss.objective.clip_low=0.2 --set loss.objective.clip_high=0.3 --set loss.advantages.resamplings=0)
dynamic=(--set loss.objective.clip_low=0.2 --set loss.objective.clip_high=0.2 --set loss.advantages.resamplings=3)
relaxed() { # relaxed T EPS_HIGH EPS_LOW: Table 5, linear to the end of the run
  echo --set "data.temperature={start=0.8,end=$1}" --set "loss.objective.clip_high={start=0.3,end=$2}" \
    --set "loss.objective.clip_low={start=0.2,end=$3}"
}

base=${BUNDLE:-$($python -c 'from glmtts.bundle import embedded; print(embedded())')}
measure base "$base"
train diffro "$here/mini_diffro.toml"
train best "$here/mini_best.toml" --set schedule.steps=36
train table4_grpo "$recipe" "${reward[@]}" "${plain[@]}"
train table4_clip_higher "$recipe" "${reward[@]}" "${higher[@]}"
train table4_dynamic "$recipe" "${reward[@]}" "${dynamic[@]}"
# T of the report begins at 1 for a model that speaks at 1; mini speaks at 0.5 and is trained at 0.8: the ends scale
train table5_1 "$recipe" "${reward[@]}" $(relaxed 1.2 0.5 0.4)
train table5_2 "$recipe" "${reward[@]}" $(relaxed 1.6 1.0 0.4)
train table5_3 "$recipe" "${reward[@]}" $(relaxed 2.4 1.0 0.4)
for first in "$out"/measured/*-0.jsonl; do # a row: its seeds, and all of them together
  row=$(basename "$first" -0.jsonl)
  $python "$here/measure.py" compare "$out/measured/base.jsonl" "$out/measured/$row"-*.jsonl --result "$out/$row.json"
done
$python "$here/curves.py" "$out/curves.png" "$out"/runs/* --result "$out/rows.json"
