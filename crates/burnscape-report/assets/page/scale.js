// From values to places: linear or logarithmic, with ticks at round numbers.

// Whether a logarithm shows more: decided once for all values that share a scale.
const wantsLog = values => {
  const known = finite(values);
  const low = least(known);
  return known.length > 0 && low > 0 && most(known) / 100 > low;
};

// A range around all finite values, `room` of it wider at both ends; null without any.
const scaleOf = (values, { log = wantsLog(values), room = 0 } = {}) => {
  const known = finite(values).filter(value => !log || value > 0);
  if (!known.length) return null;
  return scale(least(known), most(known), log, room);
};

const scale = (low, high, log, room = 0) => {
  if (log) {
    let [from, to] = [Math.log10(low), Math.log10(high)];
    if (to - from < 1e-9) [from, to] = [from - 0.5, to + 0.5];
    const wider = (to - from) * room;
    return { low: from - wider, high: to + wider, log };
  }
  // Half of it, since the width may be beyond all numbers.
  const half = high / 2 - low / 2;
  if (!(half > Math.max(Math.abs(low), Math.abs(high)) * 1e-12)) {
    const around = Math.abs(low) * 0.1 || 1;
    return { low: low - around, high: low + around, log };
  }
  return { low: Math.max(-Number.MAX_VALUE, low - half * room * 2), high: Math.min(Number.MAX_VALUE, high + half * room * 2), log };
};

// 0 at the low end, 1 at the high end; NaN where a logarithm has no place for it.
const placeOf = (scale, value) => {
  const at = scale.log ? (value > 0 ? Math.log10(value) : NaN) : value;
  return (at / 2 - scale.low / 2) / (scale.high / 2 - scale.low / 2);
};
const valueAt = (scale, share) => {
  const at = scale.low * (1 - share) + scale.high * share;
  return scale.log ? 10 ** at : at;
};

const roundNumbers = (low, high, wanted) => {
  const raw = high / wanted - low / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(it => it >= raw * 0.999) || raw;
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return range(clamp(last - first + 1, 0, 50)).map(at => (first + at) * step);
};

// About `wanted` of them, each with its label.
const ticksOf = (scale, wanted) => {
  if (!scale.log) {
    const ticks = roundNumbers(scale.low, scale.high, wanted);
    return ticks.map(value => [value, show(+value.toPrecision(10))]);
  }
  const first = Math.ceil(scale.low - 1e-9), last = Math.floor(scale.high + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first) / wanted));
  let powers = range(Math.max(0, Math.floor((last - first) / stride) + 1)).map(at => first + at * stride);
  if (powers.length < 2) {
    const fine = range(Math.max(0, last - first + 3)).flatMap(at => [1, 2, 5].map(f => Math.log10(f) + first - 1 + at));
    powers = fine.filter(power => power >= scale.low && power <= scale.high);
  }
  return powers.map(power => [10 ** power, show(+(10 ** power).toPrecision(3))]);
};
