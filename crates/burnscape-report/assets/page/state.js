// What all charts over steps share: the step looked at, the steps in view, the runs that are shown.

const shared = { step: null, view: null, shown: new Set(runs.map((_, index) => index)) };
const listeners = { step: new Set(), view: new Set(), shown: new Set() };
const listen = (what, take) => listeners[what].add(take);
const tell = what => listeners[what].forEach(take => take());

let asked = false;
// At most once a picture of the screen.
const lookAt = step => {
  if (step === shared.step) return;
  shared.step = step;
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    tell("step");
  });
};

const stepsOfRuns = () => {
  const all = runs.flatMap(run => [run.loss.x, run.lr.x, run.epochs.x, ...run.metrics.map(it => it.curve.x)]);
  const ends = all.filter(list => list.length).flatMap(list => [list[0], list[list.length - 1]]);
  return ends.length ? [least(ends), most(ends)] : [0, 1];
};
const allSteps = stepsOfRuns();
if (allSteps[0] === allSteps[1]) allSteps[1] += 1;
const stepsInView = () => shared.view || allSteps;

const showSteps = view => {
  if (view) {
    const width = Math.max(2, view[1] - view[0]), [first, last] = allSteps;
    const from = clamp(view[0], first, Math.max(first, last - width));
    view = [from, Math.min(last, from + width)];
    if (view[0] <= first && view[1] >= last) view = null;
  }
  shared.view = view;
  tell("view");
};

// The last of ascending steps that is not behind one; −1 before the first.
const lastUntil = (steps, step) => {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};
const nearest = (steps, step) => {
  const before = lastUntil(steps, step);
  if (before < 0) return 0;
  const after = Math.min(before + 1, steps.length - 1);
  return Math.abs(steps[after] - step) < Math.abs(steps[before] - step) ? after : before;
};
