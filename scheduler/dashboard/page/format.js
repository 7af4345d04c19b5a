// Numbers as people read them.

const NONE = '–';

export function number(value) {
  return Math.round(value).toLocaleString('en-US');
}

// 950, 9.8k, 18.4k, 1.25M
export function short(value) {
  if (!Number.isFinite(value)) return NONE;
  const scales = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  for (const [scale, name] of scales) {
    // What rounds to the next scale is of that scale.
    if (Math.abs(value) >= 0.9995 * scale) {
      return (value / scale).toPrecision(3) + name;
    }
  }
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? String(Math.round(value))
    : String(Number(value.toPrecision(3)));
}

// A round number, as axes have them: 2k, 1.5M, 0.25
export function round(value) {
  for (const [scale, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (Math.abs(value) >= scale) {
      return Number((value / scale).toPrecision(6)) + name;
    }
  }
  return String(Number(value.toPrecision(6)));
}

export function bytes(value) {
  if (value >= 1 << 30) return (value / (1 << 30)).toFixed(2) + ' GiB';
  if (value >= 1 << 20) return (value / (1 << 20)).toFixed(1) + ' MiB';
  if (value >= 1 << 10) return (value / (1 << 10)).toFixed(0) + ' KiB';
  return Math.round(value) + ' B';
}

// 4.2s, 3m 20s, 1h 02m, 2d 04h
export function duration(seconds) {
  if (!(seconds > 0)) return NONE;
  if (seconds < 9.95) return seconds.toFixed(1) + 's';
  const two = (value) => String(value).padStart(2, '0');
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) {
    return `${Math.floor(whole / 3600)}h ${two(Math.floor(whole % 3600 / 60))}m`;
  }
  return `${Math.floor(whole / 86400)}d ` +
    `${two(Math.floor(whole % 86400 / 3600))}h`;
}

export function percent(share, digits = 0) {
  return (100 * share).toFixed(digits) + ' %';
}

export function loss(value) {
  if (value === undefined || !Number.isFinite(value)) return NONE;
  return Math.abs(value) >= 100 ? short(value) : value.toFixed(4);
}

// The time of day, with the date unless it is today.
export function time(unixMs) {
  if (!unixMs) return NONE;
  const date = new Date(unixMs);
  const clock = date.toLocaleTimeString('en-GB');
  if (date.toDateString() === new Date().toDateString()) return clock;
  return date.toLocaleDateString('sv-SE') + ' ' + clock;
}

// What is watched besides the loss, and its name.
export function quality(figures) {
  if (!figures) return NONE;
  if (figures.accuracy !== undefined) return percent(figures.accuracy, 2);
  if (figures.perplexity !== undefined) return figures.perplexity.toPrecision(4);
  return loss(figures.loss);
}

export function qualityName(figures) {
  if (figures?.accuracy !== undefined) return 'accuracy';
  return figures?.perplexity !== undefined ? 'perplexity' : 'validation';
}

// The speed of a job or worker, in tokens where samples are text.
export function speed(samplesPerSecond, card) {
  if (!(samplesPerSecond > 0)) return NONE;
  return short(samplesPerSecond * card.tokens_per_sample) + ' ' +
    speedUnit(card);
}

export function speedUnit(card) {
  return card.tokens_per_sample > 1 ? 'tokens/s' : 'samples/s';
}

export { NONE };
