// The cluster: its jobs, its nodes.

import {attribute, h, makeBar, makeList, makeTable, text, toggle}
  from '/dom.js';
import * as format from '/format.js';

// States of nodes that go without saying.
const NORMAL = new Set(['', 'node_state_unspecified', 'serving']);
const WAITING = new Set(['queued', 'starting']);

export function pill(state) {
  return h('span.pill', {'data-state': state}, state);
}

export function setPill(element, state) {
  attribute(element, 'data-state', state);
  text(element, state);
}

function makeTile(title, hint) {
  const value = h('b', {}, '0');
  const element = h('div.tile', {title: hint}, h('span', {}, title), value);
  return {element, update: (now) => text(value, now)};
}

// Those that work first, then those that wait, then the ended; the newest first.
function inOrder(jobs) {
  const rank = (job) => (job.ended ? 2 : job.state === 'queued' ? 1 : 0);
  return [...jobs].sort((a, b) => rank(a) - rank(b) || b.job - a.job);
}

function makeJobRow() {
  const name = h('a.name', {});
  const model = h('span.sub', {});
  const state = pill('');
  const reason = h('span.reason', {});
  const bar = makeBar('progress', 'thin');
  const done = h('span.sub', {});
  const cells = {};
  const figure = (title, key) => h(
    'span.figure', {}, h('small', {}, title), cells[key] = h('b', {}));
  const element = h(
    'li.job', {},
    h('div.who', {}, name, model),
    h('div.how', {}, state, reason),
    h('div.progress', {}, bar.element, done),
    figure('loss', 'loss'), figure('validation', 'quality'),
    figure('speed', 'speed'), figure('left', 'left'));
  return {
    element,
    update: (job) => {
      text(name, job.name);
      name.href = '#/jobs/' + encodeURIComponent(job.name);
      text(model, job.model);
      setPill(state, job.state);
      text(reason, job.reason);
      const share = job.total_steps ? job.step / job.total_steps : 0;
      bar.update(share, job.state);
      text(done, job.total_steps
        ? `${format.percent(share)} · step ${format.number(job.step)} of ` +
          format.number(job.total_steps)
        : 'length not known yet');
      text(cells.loss, format.loss(job.training?.loss));
      text(cells.quality, format.quality(job.validation));
      text(cells.quality.previousSibling, format.qualityName(job.validation));
      text(cells.speed, job.ended || !job.samples_per_second ? format.NONE
        : format.short(job.samples_per_second * job.tokens_per_sample));
      text(cells.speed.previousSibling, format.speedUnit(job));
      text(cells.left, job.ended ? format.duration(job.seconds_running)
        : format.duration(job.seconds_left));
      text(cells.left.previousSibling, job.ended ? 'took' : 'left');
    },
  };
}

function makeNodes() {
  return makeTable('Nodes', [
    {title: 'Node', class: 'number', cell: (node) => node.node},
    {title: 'Role', cell: (node) => node.role},
    {title: 'Host', cell: (node) => node.host},
    {title: 'Address', class: 'mono', cell: (node) => node.address || format.NONE},
    {title: 'Process', class: 'number', cell: (node) => node.process},
    {title: 'Job', cell: (node) => (node.job || 'idle') +
      (NORMAL.has(node.state) ? '' : ` · ${node.state} ${node.reason}`)},
    {title: 'Heard of', class: 'number', live: true,
     cell: (node) => node.seconds_since_heartbeat.toFixed(1) + ' s ago'},
  ], (node) => node.node,
  'No server or worker has registered yet. Start some with --scheduler.',
  (node) => (node.seconds_since_heartbeat > 3 ? 'late' : ''));
}

export function makeOverview() {
  const tiles = {
    running: makeTile('Running', 'jobs that train, or finish'),
    waiting: makeTile('Waiting', 'jobs that wait for members, or start'),
    done: makeTile('Succeeded', 'of the jobs that the scheduler still knows'),
    failed: makeTile('Failed', 'of the jobs that the scheduler still knows'),
  };
  const list = h('ul.jobs', {});
  const sync = makeList(list, (job) => job.job, makeJobRow);
  const empty = h('div.card.empty', {}, h('h3', {}, 'No job yet'),
                  h('p', {}, 'Hand one to the cluster: ',
                    h('code', {}, 'hawser submit JOB')));
  const nodes = makeNodes();
  const nodesTitle = h('h2', {}, 'Nodes');
  const element = h(
    'div.overview', {}, h('h1.hidden', {}, 'Cluster'),
    h('div.tiles', {}, ...Object.values(tiles).map((tile) => tile.element)),
    h('h2', {}, 'Jobs'), empty, list, nodesTitle,
    h('div.card.flush', {}, nodes.element));
  return {
    element,
    title: 'Hawser',
    update(store) {
      const jobs = inOrder(store.jobs.values());
      const count = (test) => jobs.filter(test).length;
      tiles.running.update(count(
        (job) => !job.ended && !WAITING.has(job.state)));
      tiles.waiting.update(count((job) => WAITING.has(job.state)));
      tiles.done.update(count((job) => job.state === 'succeeded'));
      tiles.failed.update(count((job) => job.state === 'failed'));
      toggle(empty, jobs.length === 0);
      toggle(list, jobs.length > 0);
      sync(jobs);
      const hidden = store.workers + store.servers - store.nodes.length;
      text(nodesTitle, 'Nodes' + (hidden > 0 ? ` (the first ${
        store.nodes.length} of ${store.workers + store.servers})` : ''));
      nodes.update(store.nodes);
    },
    stop() {},
  };
}
