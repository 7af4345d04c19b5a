// What is known of the cluster, from the updates that come (LiveUpdate of
// proto/dashboard.proto).

// The scheduler keeps at most 400 points and 1000 epochs of a job.
const MAX_POINTS = 1000;
const MAX_EVENTS = 200;

// 64-bit numbers come as strings.
const TEXTS = new Set([
  'name', 'state', 'reason', 'model', 'synchronisation', 'data', 'optimizer',
  'placement', 'output', 'parameters_sha256', 'directory', 'kept', 'host',
  'address', 'seed', 'straggler', 'block_ranges', 'source', 'text',
  'version', 'problem', 'checkpoint_problem', 'role']);

export function parse(json) {
  return withNumbers(JSON.parse(json));
}

// In place: JSON.parse's own way leaves much more to be collected.
function withNumbers(value) {
  for (const key in value) {
    const inner = value[key];
    if (typeof inner === 'object') withNumbers(inner);
    else if (typeof inner === 'string' && !TEXTS.has(key) &&
             /^-?\d+$/.test(inner)) value[key] = Number(inner);
  }
  return value;
}

export function emptyJob() {
  return {detail: null, members: null, training: [], epochs: [], events: [],
          problem: '', events_from: 0};
}

export class Store {
  constructor() {
    this.jobs = new Map();  // by number
    this.nodes = [];
    this.workers = this.servers = this.idle = 0;
    this.version = '';
    this.started = 0;
    this.at = 0;  // the scheduler's clock
    this.known = false;
    this.standingBy = '';  // why there is nothing to see: another leads
    this.leadersDashboard = '';
    this.job = emptyJob();  // the one that is looked at
  }

  // A stream begins: the first update tells all.
  begin() {
    this.fresh = true;
  }

  apply(update) {
    if (this.fresh) this.job = emptyJob();
    this.standingBy = update.standing_by;
    this.leadersDashboard = update.leaders_dashboard;
    // When it leads, it tells all again.
    this.fresh = this.standingBy !== '';
    this.known = true;
    this.at = update.unix_ms;
    this.version = update.version;
    this.started = update.started_unix_ms;
    if (update.all_jobs) this.jobs.clear();
    for (const job of update.forgotten) this.jobs.delete(job);
    for (const card of update.jobs) this.jobs.set(card.job, card);
    this.nodes = update.nodes;
    this.workers = update.workers;
    this.servers = update.servers;
    this.idle = update.idle_workers;
    this.applyToJob(update);
  }

  applyToJob(update) {
    const job = this.job;
    job.problem = update.problem;
    if (update.detail) job.detail = update.detail;
    if (update.members) job.members = update.members;
    if (update.curve) {
      if (update.curve.reset) job.training = job.epochs = [];
      // New arrays: whoever has drawn the old ones can tell.
      job.training = extend(job.training, update.curve.training, MAX_POINTS);
      job.epochs = extend(job.epochs, update.curve.epochs, MAX_POINTS);
    }
    job.events_from += Math.max(
      0, job.events.length + update.events.length - MAX_EVENTS);
    job.events = extend(job.events, update.events, MAX_EVENTS);
  }

  cardOf(name) {
    // Of two of one name the last is meant.
    let found = null;
    for (const card of this.jobs.values()) {
      if (card.name === name) found = card;
    }
    return found;
  }
}

function extend(list, more, most) {
  return more.length === 0 ? list : list.concat(more).slice(-most);
}
