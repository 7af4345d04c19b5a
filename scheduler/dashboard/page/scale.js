// Axes: round numbers between two others, and places of values.

// At most about `count` round values within [low, high].
export function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((n) => n * power >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; ++i) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

// The range of values, a little wider. Where there are many, a few outliers, as
// a loss has them at its beginning, do not squeeze the rest: all but the highest
// hundredth fill the axis.
export function range(values, {fromZero = false} = {}) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  let low = fromZero ? 0 : sorted[0];
  let high = sorted[Math.floor(0.99 * (sorted.length - 1))];
  const last = sorted[sorted.length - 1];
  if (sorted.length < 50 || last - low < 1.5 * (high - low)) high = last;
  if (high <= low) {
    const some = Math.abs(low) * 0.05 || 1;
    [low, high] = [fromZero ? 0 : low - some, high + some];
  }
  const room = 0.06 * (high - low);
  return [fromZero ? 0 : low - room, high + room];
}

// value -> place, linear.
export function linear([low, high], [from, to]) {
  const factor = (to - from) / (high - low || 1);
  return (value) => from + (value - low) * factor;
}

// The index of the item whose x is nearest to `x`; items are in order of x.
export function nearest(items, x, xOf) {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xOf(items[middle]) < x) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && x - xOf(items[low - 1]) < xOf(items[low]) - x) --low;
  return low;
}

// Of items in order of place: the first, the last, and those between that are
// at least `near` beyond the one before that is kept.
export function thin(items, placeOf, near) {
  const kept = [];
  let last = -Infinity;
  items.forEach((item, i) => {
    const place = placeOf(item);
    if (place - last < near && i !== items.length - 1) return;
    last = place;
    kept.push(item);
  });
  return kept;
}
