// From what the guests measured to figures, and from figures to text. Ratios are of medians of one run.

/** What issue and docs/benchmarks.md want. */
const GOALS = { pause: 2, growth: 2, activation: 0.5, call: 2 };

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** @param measurements as e2e/src/core/pause-guest.ts prints them, for few and for many threads */
export function summarizePauses(measurements) {
  const pauses = measurements.map(({ sleepers, empty, apply, undo, work, before, judged }) => ({
    sleepers,
    rounds: empty.length,
    microseconds: {
      empty: micro(empty),
      apply: micro(apply),
      undo: micro(undo),
      workOfApply: micro(work),
      before: micro(before),
    },
    applyToEmpty: ratio(median(apply), median(empty)),
    undoToEmpty: ratio(median(undo), median(empty)),
    stacks: { before: judged[0], inside: judged[1] },
  }));
  const [few, many] = pauses;
  return { pauses, manyToFew: ratio(many.microseconds.apply, few.microseconds.apply) };
}

/** @param answers engine → answers of `apply --json` */
export function summarizeActivation(answers) {
  const of = (engine) => {
    const all = answers[engine].map(({ milliseconds }) => milliseconds);
    const middle = (read) => Math.round(median(all.map(read)));
    return {
      milliseconds: middle(({ checks, load, transition }) => checks + load + transition),
      checks: middle(({ checks }) => checks),
      load: middle(({ load }) => load),
      switch: middle(({ transition }) => transition),
      rounds: all.length,
    };
  };
  const [livepatch, trampoline] = [of('livepatch'), of('trampoline')];
  return {
    livepatch,
    trampoline,
    trampolineToLivepatch: ratio(trampoline.milliseconds, livepatch.milliseconds),
  };
}

/** @param counted `plain` and engine → instructions of one call */
export function summarizeCost({ plain, ...engines }) {
  const more = Object.entries(engines).map(([engine, count]) => [engine, Number((count - plain).toFixed(1))]);
  return { unpatched: plain, ...engines, more: Object.fromEntries(more) };
}

export function renderReport({ kernel, pause, activation, callCost }) {
  return [
    kernel,
    '',
    'all CPUs stopped, from the call of all CPUs to their release, beside a stop in which nothing is done',
    ...pause.pauses.map(
      ({ sleepers, microseconds: { empty, apply, undo, workOfApply, before }, stacks, ...ratios }) =>
        `  ${sleepers} sleeping threads: nothing ${empty} µs, apply ${apply} µs (${ratios.applyToEmpty} times; ` +
        `${workOfApply} µs of it work), undo ${undo} µs (${ratios.undoToEmpty} times); ` +
        `${stacks.before} stacks looked at in ${before} µs before, ${stacks.inside} in it`,
    ),
    ...pause.pauses.map(({ sleepers, applyToEmpty }) =>
      verdict(`with ${sleepers} threads to nothing done`, applyToEmpty, GOALS.pause),
    ),
    verdict('10,000 threads to 100', pause.manyToFew, GOALS.growth),
    '',
    'from apply to active, an idle guest',
    ...['livepatch', 'trampoline'].map((engine) => {
      const { milliseconds, checks, load, switch: switching } = activation[engine];
      return `  ${engine}: ${milliseconds} ms (checks ${checks}, load ${load}, switch ${switching})`;
    }),
    verdict('trampoline to livepatch', activation.trampolineToLivepatch, GOALS.activation),
    '',
    'instructions of one call of getppid()',
    `  unpatched ${callCost.unpatched}, livepatch ${callCost.livepatch}, trampoline ${callCost.trampoline}`,
    verdict('more through the trampoline', callCost.more.trampoline, GOALS.call),
    `  more through livepatch: ${callCost.more.livepatch}`,
  ].join('\n');
}

function verdict(what, value, goal) {
  return `  ${what}: ${value}; goal: at most ${goal}${value <= goal ? '' : ', MISSED'}`;
}

function micro(nanoseconds) {
  return Math.round(median(nanoseconds) / 1000);
}

function ratio(a, b) {
  return Number((a / b).toFixed(2));
}
